/**
 * NestJS: guards, pipes, filters and request-scoped providers are inside the request's span, with
 * decorators on the methods that matter. Nest's decorators are the legacy ones, hence the tsconfig.json beside this file.
 *
 * ```text
 * invoke [tool] session=s-1
 * ├─ POST /agent/invoke [tool] SERVER
 * │  ├─ guard [tool]
 * │  └─ AgentController.invoke [chain]
 * │     └─ Agent.answer [tool]
 * └─ POST /agent/invoke [tool] SERVER
 *    ├─ guard [tool]
 *    └─ filter [tool]
 * ```
 */
import 'reflect-metadata';
import {
  Body,
  Catch,
  Controller,
  ForbiddenException,
  Inject,
  Injectable,
  Module,
  Post,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { injectContextIntoCarrier, SessionTracer, Trace, withSession, withSpan } from 'spanwise';
import { SpanwiseModule } from 'spanwise/nestjs';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

@Injectable()
class Guard implements CanActivate {
  canActivate(execution: ExecutionContext): boolean {
    const { body } = execution.switchToHttp().getRequest<{ body: { query?: string } }>();
    return withSpan('guard', () => body.query !== undefined);
  }
}

@Catch(ForbiddenException)
class Filter implements ExceptionFilter {
  catch(_error: ForbiddenException, host: ArgumentsHost): void {
    withSpan('filter', () => host.switchToHttp().getResponse().status(403).json({ error: 'no query' }));
  }
}

@Injectable()
class Agent {
  @Trace()
  async answer(query: string): Promise<string> {
    return `answer to ${query}`;
  }
}

@Controller('agent')
@UseGuards(Guard)
@UseFilters(Filter)
class AgentController {
  constructor(@Inject(Agent) private readonly agent: Agent) {}

  @Post('invoke')
  @Trace({ eventType: 'chain' })
  async invoke(@Body() body: { query: string }): Promise<{ answer: string }> {
    return { answer: await this.agent.answer(body.query) };
  }
}

@Module({ imports: [SpanwiseModule.forRoot()], controllers: [AgentController], providers: [Agent] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
const url = `${await app.getUrl()}/agent/invoke`;

await withSession('s-1', () =>
  withSpan('invoke', async () => {
    for (const body of ['{"query":"tea"}', '{}']) {
      const headers = injectContextIntoCarrier({ 'content-type': 'application/json' });
      await (await fetch(url, { method: 'POST', headers, body })).json();
    }
  }),
);
await app.close();
await tracer.shutdown();
console.log(spans.tree());
