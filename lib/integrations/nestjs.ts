/**
 * `spanwise/nestjs`: whole-request tracing for NestJS, on Express and on Fastify.
 *
 * @module spanwise/nestjs
 */
import { ConsoleLogger, Module } from '@nestjs/common';
import type { CallHandler, DynamicModule, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { tap, type Observable } from 'rxjs';
import { Trace } from '../decorators/trace.js';
import { wrappedOf } from '../decorators/wrapped.js';
import { warnError } from '../diagnostics.js';
import { builtin } from './builtin.js';
import { spanwise as forExpress } from './express.js';
import { spanwise as forFastify } from './fastify.js';
import { entryOf, type HttpEntryOptions } from './http-entry.js';
import { logContext } from './log-context.js';
import { leaveOutOfRoutes } from './nest-interceptors.js';
import { handleInMessage } from './nest-messages.js';
import { onNestExceptions } from './nest-exceptions.js';

export { logContext };
export { tracedClient } from './nest-client.js';
export type { HttpEntryOptions };

/**
 * Options of `SpanwiseModule.forRoot`; none is needed.
 *
 * @category Frameworks
 */
export interface SpanwiseModuleOptions extends HttpEntryOptions {
  /**
   * Trace the methods of providers and controllers without decorators: all of them, or those it returns true for.
   *
   * @default false
   */
  traceProviders?: boolean | ((className: string) => boolean);
}

/**
 * Continues the caller's trace and session for whole requests: guards, pipes, interceptors, exception filters and
 * request-scoped providers all run inside the request's span. In a microservice, interceptors, pipes and handlers of
 * messages run in the context of the sender.
 *
 * Without a live tracer requests are served as if it were not there.
 *
 * @example
 * ```ts
 * import { Controller, Get, Module, Param } from '@nestjs/common';
 * import { NestFactory } from '@nestjs/core';
 * import { SessionTracer } from 'spanwise';
 * import { SpanwiseModule } from 'spanwise/nestjs';
 *
 * SessionTracer.init({ project: 'shop' });
 *
 * @Controller('users')
 * class UsersController {
 *   @Get(':id')
 *   find(@Param('id') id: string): { id: string } {
 *     return { id };
 *   }
 * }
 *
 * @Module({ imports: [SpanwiseModule.forRoot({ sessionId: () => 's-1' })], controllers: [UsersController] })
 * class AppModule {}
 *
 * const app = await NestFactory.create(AppModule, { logger: false });
 * await app.listen(0);
 * await (await fetch(`${await app.getUrl()}/users/7`)).json();
 * await app.close();
 * ```
 * Each request produces a SERVER span; spans of guards, controllers and providers are below it:
 * ```text
 * GET /users/:id [tool] SERVER session=s-1
 * ```
 * @category Frameworks
 */
export class SpanwiseModule {
  /**
   * The module, for the `imports` of the application's root module.
   *
   * @param options those of every framework's middleware, and `traceProviders`
   * @returns a dynamic module
   */
  static forRoot(options: SpanwiseModuleOptions = {}): DynamicModule {
    const { traceProviders, ...entry } = options;
    return {
      module: SpanwiseModule,
      providers: [
        {
          provide: SETUP,
          inject: [HttpAdapterHost, ModulesContainer],
          useFactory: async (host: HttpAdapterHost, modules: ModulesContainer): Promise<true> => {
            enterRequests(host, entry);
            if (traceProviders !== undefined && traceProviders !== false) {
              traceClasses(modules, traceProviders === true ? () => true : traceProviders);
            }
            await onNestExceptions();
            await leaveOutOfRoutes((interceptor) => interceptor instanceof EntryInterceptor);
            return true;
          },
        },
        { provide: APP_INTERCEPTOR, useValue: new EntryInterceptor(entry) },
      ],
    };
  }
}
Module({})(SpanwiseModule);

const SETUP = Symbol('spanwise.setup');

interface Adapter {
  getType(): string;
  use(handler: unknown): unknown;
  getInstance(): unknown;
}

/**
 * Providers are made before Nest registers body parsers, middleware and routes, so what is put in here comes first.
 * Interceptors would be too late: guards and exception filters run outside of them.
 */
function enterRequests(host: HttpAdapterHost, options: HttpEntryOptions): void {
  const adapter = host.httpAdapter as unknown as Adapter | undefined;
  if (typeof adapter?.use !== 'function') return;
  if (adapter.getType() === 'fastify') {
    const plugin = forFastify(options) as unknown as (
      app: unknown,
      options: object,
      done: () => void,
    ) => void;
    plugin(adapter.getInstance(), {}, () => undefined);
  } else {
    adapter.use(forExpress(options));
  }
}

/** Enters messages, and records what a handler threw before an exception filter makes an answer of it. */
class EntryInterceptor implements NestInterceptor {
  constructor(private readonly options: HttpEntryOptions) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (execution.getType() === 'rpc') {
      return handleInMessage(execution.switchToRpc().getContext<unknown>(), this.options, () =>
        next.handle(),
      );
    }
    const handled = next.handle();
    if (execution.getType() !== 'http') return handled;
    const request = execution.switchToHttp().getRequest<{ raw?: object }>();
    const entry = entryOf(request?.raw ?? request);
    return entry === undefined ? handled : handled.pipe(tap({ error: (error) => entry.fail(error) }));
  }
}

/** Called by Nest when the application starts and stops, or by the language, not by requests. */
const LEFT_ALONE: ReadonlySet<string> = new Set([
  'constructor',
  'onModuleInit',
  'onApplicationBootstrap',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
  'configure',
  'then',
  'toJSON',
  'toString',
  'valueOf',
]);
const traced = new WeakSet<object>();

/** What Nest's `@Injectable` and `@Controller` leave on a class; its own parts lack it. */
const WATERMARKS = ['__injectable__', '__controller__'];

function traceClasses(modules: ModulesContainer, wanted: (className: string) => boolean): void {
  for (const module of modules.values()) {
    for (const { metatype, inject } of [...module.providers.values(), ...module.controllers.values()]) {
      if (typeof metatype !== 'function' || (inject !== null && inject !== undefined)) continue;
      const type = metatype as { readonly name: string; readonly prototype?: object };
      if (type.prototype === undefined || traced.has(type)) continue;
      try {
        const marked = WATERMARKS.some((key) => Reflect.getOwnMetadata(key, metatype) === true);
        if (!marked || !wanted(type.name)) continue;
        traced.add(type);
        traceMethods(type.prototype);
      } catch (error) {
        warnError('SPW_CALLBACK', `the methods of ${type.name} could not be traced`, error);
      }
    }
  }
}

/** Traces the methods of a class, also those it has from classes of the application or of libraries. */
function traceMethods(prototype: object): void {
  const seen = new Set<string>();
  for (
    let base: object | null = prototype;
    base !== null && (base === prototype || !isFoundation(base));
    base = Object.getPrototypeOf(base) as object | null
  ) {
    for (const key of Object.getOwnPropertyNames(base)) {
      if (seen.has(key)) continue;
      seen.add(key);
      const descriptor = Object.getOwnPropertyDescriptor(base, key);
      if (LEFT_ALONE.has(key) || typeof descriptor?.value !== 'function') continue;
      if (base === prototype ? descriptor.configurable === false : wrappedOf(descriptor.value)) continue;
      // An inherited method becomes one of the class's own: the base class may not be wanted, or be others' too.
      const decorate = Trace() as (target: object, key: string, descriptor: PropertyDescriptor) => unknown;
      const made = decorate(prototype, key, { ...descriptor, configurable: true }) as PropertyDescriptor;
      Object.defineProperty(prototype, key, made);
    }
  }
}

/** What classes stand on and nobody wants a span of: classes of the language and of Node, and Nest's logger. */
function isFoundation(prototype: object): boolean {
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof made !== 'function' || made === ConsoleLogger) return true;
  if (made === builtin<unknown>('node:events')) return true;
  return Function.prototype.toString.call(made).includes('[native code]');
}

/**
 * Nest's console logger with the ids of trace, span and session on every line.
 *
 * Outside of a span and a session a line is as Nest writes it; it never fails for want of one.
 *
 * @example
 * ```ts no-run: it writes to the console
 * import { Module } from '@nestjs/common';
 * import { NestFactory } from '@nestjs/core';
 * import { SpanwiseLogger, SpanwiseModule } from 'spanwise/nestjs';
 *
 * @Module({ imports: [SpanwiseModule.forRoot()] })
 * class AppModule {}
 *
 * const app = await NestFactory.create(AppModule, { logger: new SpanwiseLogger() });
 * await app.listen(3000);
 * ```
 * @category Frameworks
 */
export class SpanwiseLogger extends ConsoleLogger {
  protected override formatMessage(...args: Parameters<ConsoleLogger['formatMessage']>): string {
    const line = super.formatMessage(...args);
    const ids = Object.entries(logContext()).map(([key, value]) => `${key}=${value}`);
    return ids.length === 0 ? line : `${line.replace(/\n$/, '')} ${ids.join(' ')}\n`;
  }

  protected override getJsonLogObject(
    ...args: Parameters<ConsoleLogger['getJsonLogObject']>
  ): ReturnType<ConsoleLogger['getJsonLogObject']> {
    return { ...super.getJsonLogObject(...args), ...logContext() };
  }
}
