import 'reflect-metadata';
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BadRequestException,
  Body,
  Catch,
  Controller,
  Get,
  HttpCode,
  HttpException,
  Inject,
  Injectable,
  Module,
  Param,
  Post,
  Query,
  Scope,
  SetMetadata,
  Sse,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type PipeTransform,
} from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from '@jest/globals';
import pino from 'pino';
import { interval, map, of, take, throwError, type Observable } from 'rxjs';
import { DistributedEntry, getBaggage, Trace, withSpan } from '../../lib/index.js';
import {
  logContext,
  SpanwiseLogger,
  SpanwiseModule,
  type SpanwiseModuleOptions,
} from '../../lib/integrations/nestjs.js';
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import { parentId, type Recorder, shutdownAll, spanId, startTracer, traceId } from '../support/harness.js';

const session = (): string | undefined => getBaggage('session_id') as string | undefined;

@Injectable()
class Guard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}
  canActivate(execution: ExecutionContext): boolean {
    const role = this.reflector.get<string>('role', execution.getHandler());
    return withSpan('guard', () => role === undefined || role === 'open');
  }
}

@Catch(TypeError)
class Filter implements ExceptionFilter {
  catch(error: TypeError, host: ArgumentsHost): void {
    withSpan('filter', () => undefined);
    const response = host.switchToHttp().getResponse<any>();
    const body = { filtered: error.message, session: session() };
    if (typeof response.json === 'function') response.status(418).json(body);
    else response.status(418).send(body);
  }
}

@Injectable()
class BrokenGuard implements CanActivate {
  canActivate(): boolean {
    throw new RangeError('guard broke');
  }
}

@Injectable()
class BrokenPipe implements PipeTransform {
  transform(value: string): string {
    if (value === 'bad') throw new BadRequestException('not that');
    throw new RangeError('pipe broke');
  }
}

class Ledger extends EventEmitter {
  async entry(item: string): Promise<string> {
    return this.format(item);
  }
  format(item: string): string {
    return `entry ${item}`;
  }
  @Trace({ name: 'by hand' })
  audit(): string {
    return 'audited';
  }
}

@Injectable()
class Stock extends Ledger {
  override format(item: string): string {
    return `${super.format(item)}!`;
  }
}

@Injectable()
class Prices {
  async of(item: string): Promise<string> {
    await delay(Math.random() * 10);
    return `${item} ${session()}`;
  }
  onModuleInit(): void {}
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  readonly session = session();
  constructor() {
    withSpan('constructor', () => undefined);
  }
}

@Controller('shop')
@UseGuards(Guard)
@UseFilters(Filter)
class ShopController {
  constructor(
    @Inject(Prices) private readonly prices: Prices,
    @Inject(PerRequest) private readonly request: PerRequest,
    @Inject(Stock) private readonly stock: Stock,
  ) {}

  @Get('items/:item')
  async item(@Param('item') item: string, @Query('color') _color: string): Promise<object> {
    return { price: await this.prices.of(item), scoped: this.request.session };
  }

  @Trace()
  @Post('above')
  @HttpCode(202)
  @SetMetadata('role', 'open')
  above(@Body() body: object): object {
    return body;
  }

  @SetMetadata('role', 'open')
  @HttpCode(203)
  @Post('below')
  @DistributedEntry()
  @Trace({ eventType: 'chain' })
  below(@Body() body: object): object {
    return { ...body, session: session() };
  }

  @Trace()
  @SetMetadata('role', 'closed')
  @Get('closed')
  closed(): string {
    return 'never';
  }

  @Get('filtered')
  filtered(): never {
    throw new TypeError('not so');
  }

  @Get('failed')
  failed(): never {
    throw new RangeError('broken');
  }

  @Get('refused')
  refused(): never {
    throw new HttpException('no', 409);
  }

  @Get('guarded')
  @UseGuards(BrokenGuard)
  guarded(): string {
    return 'never';
  }

  @Get('piped/:item')
  piped(@Param('item', BrokenPipe) item: string): string {
    return item;
  }

  @Get('stock/:item')
  async inStock(@Param('item') item: string): Promise<string> {
    this.stock.emit('asked');
    return `${await this.stock.entry(item)} ${this.stock.audit()}`;
  }

  @Get('observable')
  observable(): Observable<object> {
    return of(1).pipe(map(() => withSpan('observed', () => ({ session: session() }))));
  }

  @Get('observable-error')
  observableError(): Observable<never> {
    return throwError(() => new RangeError('later'));
  }

  @Sse('events')
  events(): Observable<object> {
    return interval(5).pipe(
      take(3),
      map((i) => withSpan(`event-${i}`, () => ({ data: { i, session: session() } }))),
    );
  }
}

const TRACE = 'c'.repeat(32);
const SPAN = 'd'.repeat(16);
const FROM_CALLER = { traceparent: `00-${TRACE}-${SPAN}-01`, baggage: 'session_id=theirs' };

let app: INestApplication;
let recorder: Recorder;
async function begin(adapter: 'express' | 'fastify', options: SpanwiseModuleOptions = {}): Promise<string> {
  ({ recorder } = startTracer());
  @Module({
    imports: [SpanwiseModule.forRoot(options)],
    controllers: [ShopController],
    providers: [Prices, PerRequest, Guard, BrokenGuard, BrokenPipe, Stock],
  })
  class AppModule {}
  app =
    adapter === 'express'
      ? await NestFactory.create(AppModule, { logger: false, forceCloseConnections: true })
      : await NestFactory.create(AppModule, new FastifyAdapter() as never, {
          logger: false,
          forceCloseConnections: true,
        });
  await app.listen(0, '127.0.0.1');
  return `${await app.getUrl()}/shop`;
}
afterEach(async () => {
  await app?.close();
  await shutdownAll();
});

async function server(): Promise<ReadableSpan> {
  for (let i = 0; i < 500; i++) {
    const found = recorder.spans.find(({ kind }) => kind === SpanKind.SERVER);
    if (found !== undefined) return found;
    await delay(5);
  }
  throw new Error(`no server span; there are ${recorder.names.join(', ')}`);
}

describe.each(['express', 'fastify'] as const)('Nest on %s', (adapter) => {
  it('runs guards, request-scoped constructors and handlers in the span and session of the request', async () => {
    const url = await begin(adapter);
    const answer = await fetch(`${url}/items/tea?color=green`, { headers: FROM_CALLER });
    expect(await answer.json()).toEqual({ price: 'tea theirs', scoped: 'theirs' });
    const span = await server();
    expect(span.name).toBe('GET /shop/items/:item');
    expect([traceId(span), parentId(span)]).toEqual([TRACE, SPAN]);
    expect(span.attributes['http.response.status_code']).toBe(200);
    for (const name of ['guard', 'constructor']) {
      expect(parentId(recorder.span(name))).toBe(spanId(span));
      expect(recorder.span(name).attributes['honeyhive.session_id']).toBe('theirs');
    }
  });

  it('runs exception filters in it, which decide whether it failed', async () => {
    const url = await begin(adapter);
    const answer = await fetch(`${url}/filtered`, { headers: FROM_CALLER });
    expect([answer.status, await answer.json()]).toEqual([418, { filtered: 'not so', session: 'theirs' }]);
    const span = await server();
    expect(parentId(recorder.span('filter'))).toBe(spanId(span));
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
  });

  it.each([
    ['failed', 500, 'RangeError', 'broken'],
    ['observable-error', 500, 'RangeError', 'later'],
  ])('records what %s threw', async (path, status, type, message) => {
    const url = await begin(adapter);
    expect((await fetch(`${url}/${path}`)).status).toBe(status);
    const span = await server();
    expect(span.attributes['error.type']).toBe(type);
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message });
  });

  it.each([
    ['guarded', 'guard broke'],
    ['piped/tea', 'pipe broke'],
  ])('records what a guard or a pipe threw: %s', async (path, message) => {
    const url = await begin(adapter);
    expect((await fetch(`${url}/${path}`)).status).toBe(500);
    const span = await server();
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message });
    expect(span.attributes['error.type']).toBe('RangeError');
    const events = span.events.filter(({ name }) => name === 'exception');
    expect(events.map(({ attributes }) => attributes?.['exception.message'])).toEqual([message]);
  });

  it('does not take what a pipe refuses for a failure', async () => {
    const url = await begin(adapter);
    expect((await fetch(`${url}/piped/bad`)).status).toBe(400);
    const span = await server();
    expect([span.status.code, span.events]).toEqual([SpanStatusCode.UNSET, []]);
  });

  it('does not take a refusal for a failure', async () => {
    const url = await begin(adapter);
    expect((await fetch(`${url}/refused`)).status).toBe(409);
    expect((await server()).status.code).toBe(SpanStatusCode.UNSET);
  });

  it.each([
    ['above', 202, 'ShopController.above'],
    ['below', 203, 'ShopController.below'],
  ])('keeps @HttpCode and metadata with decorators %s', async (path, status, name) => {
    const url = await begin(adapter);
    const headers = { ...FROM_CALLER, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/${path}`, { method: 'POST', headers, body: '{"a":1}' });
    expect([answer.status, ((await answer.json()) as { a: number }).a]).toEqual([status, 1]);
    const span = await server();
    expect(parentId(recorder.span(name))).toBe(spanId(span));
    expect(recorder.span(name).kind).toBe(SpanKind.INTERNAL);
  });

  it('leaves a guarded route guarded', async () => {
    const url = await begin(adapter);
    expect((await fetch(`${url}/closed`)).status).toBe(403);
    expect((await server()).attributes['http.response.status_code']).toBe(403);
    expect(recorder.names).not.toContain('ShopController.closed');
  });

  it('covers Observables and server-sent events to their end', async () => {
    const url = await begin(adapter);
    expect(await (await fetch(`${url}/observable`, { headers: FROM_CALLER })).json()).toEqual({
      session: 'theirs',
    });
    expect(traceId(recorder.span('observed'))).toBe(TRACE);
    await app.close();
    await shutdownAll();
    const text = await (await fetch(`${await begin(adapter)}/events`, { headers: FROM_CALLER })).text();
    expect(text.match(/"session":"theirs"/g)).toHaveLength(3);
    const span = await server();
    expect(span.name).toBe('GET /shop/events');
    expect(parentId(recorder.span('event-2'))).toBe(spanId(span));
  });

  it('keeps 20 sessions at once apart', async () => {
    const url = await begin(adapter);
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const headers = { baggage: `session_id=s${i}` };
        return (await (await fetch(`${url}/items/${i}`, { headers })).json()) as object;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, (_, i) => ({ price: `${i} s${i}`, scoped: `s${i}` })));
  });

  it('traces providers without decorators if asked', async () => {
    const url = await begin(adapter, { traceProviders: (name) => name === 'Prices' });
    await (await fetch(`${url}/items/tea`)).json();
    const span = await server();
    expect(parentId(recorder.span('Prices.of'))).toBe(spanId(span));
    expect(recorder.names).not.toContain('Prices.onModuleInit');
    expect(recorder.names).not.toContain('ShopController.item');
  });
});

describe('providers that are traced without decorators', () => {
  it('include what they inherit, once, and nothing of Node', async () => {
    const url = await begin('express', { traceProviders: (name) => name === 'Stock' });
    expect(await (await fetch(`${url}/stock/tea`)).text()).toBe('entry tea! audited');
    await server();
    expect(recorder.names.filter((name) => !name.startsWith('GET')).sort()).toEqual([
      'Stock.entry',
      'Stock.format',
      'by hand',
      'constructor',
      'guard',
    ]);
    expect(parentId(recorder.span('Stock.format'))).toBe(spanId(recorder.span('Stock.entry')));
    // The base class is others' too.
    expect(await new Ledger().entry('cup')).toBe('entry cup');
    expect(recorder.names).not.toContain('Ledger.entry');
  });
});

describe('Nest beside it', () => {
  it('lets Swagger see parameters', async () => {
    await begin('express');
    const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    const { parameters } = document.paths['/shop/items/{item}']!.get!;
    expect((parameters as { name: string }[]).map(({ name }) => name)).toEqual(['item', 'color']);
    expect(Object.keys(document.paths)).toContain('/shop/below');
  });

  it('has the ids on the lines of its logger and of pino', async () => {
    const { tracer } = startTracer();
    const written: string[] = [];
    const write = process.stdout.write;
    const lines: string[] = [];
    const pinoLogger = pino({ mixin: logContext }, { write: (line: string) => void lines.push(line) });
    let ids: { traceId: string; spanId: string } | undefined;
    process.stdout.write = ((text: string) => (written.push(String(text)), true)) as never;
    try {
      withSpan('work', (span) => {
        ids = span.spanContext();
        new SpanwiseLogger('text').log('hello');
        new SpanwiseLogger('json', { json: true, colors: false }).log('hello');
        pinoLogger.info('hello');
      });
    } finally {
      process.stdout.write = write;
    }
    const expected = { trace_id: ids!.traceId, span_id: ids!.spanId, session_id: tracer.sessionId };
    expect(written[0]).toContain(
      `trace_id=${ids!.traceId} span_id=${ids!.spanId} session_id=${tracer.sessionId}`,
    );
    expect(JSON.parse(written[1]!)).toMatchObject({ message: 'hello', ...expected });
    expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'hello', ...expected });
  });
});
