/**
 * Fastify: hooks and handler run inside the request's span, and a streamed answer is covered to its last byte. The second
 * server faces the public: it takes neither trace nor session from strangers (`trust: 'restart'`).
 *
 * ```text
 * report [tool] session=s-1
 * └─ GET /report/:year [tool] SERVER
 *    ├─ check access [tool]
 *    └─ Report.lines [tool]
 * GET /report/:year [tool] SERVER session=s-public
 * ├─ check access [tool]
 * └─ Report.lines [tool]
 * ```
 */
import { Readable } from 'node:stream';
import fastify, { type FastifyInstance } from 'fastify';
import { injectContextIntoCarrier, SessionTracer, Trace, withSession, withSpan } from 'spanwise';
import { spanwise } from 'spanwise/fastify';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Report {
  /** The span is open until the last line was taken. */
  @Trace()
  async *lines(year: string): AsyncGenerator<string> {
    for (const quarter of [1, 2, 3, 4]) yield `${year} Q${quarter}\n`;
  }
}

async function serve(options: Parameters<typeof spanwise>[0]): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(spanwise(options));
  app.addHook('preHandler', async () => withSpan('check access', () => undefined));
  app.get<{ Params: { year: string } }>('/report/:year', (request, reply) =>
    reply.send(Readable.from(new Report().lines(request.params.year))),
  );
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app;
}

const inside = await serve({});
const outside = await serve({ trust: 'restart', sessionId: () => 's-public' });
await withSession('s-1', () =>
  withSpan('report', async () => {
    for (const app of [inside, outside]) {
      const url = `${app.listeningOrigin}/report/2026`;
      await (await fetch(url, { headers: injectContextIntoCarrier({}) })).text();
    }
  }),
);
await inside.close();
await outside.close();
await tracer.shutdown();
console.log(spans.tree());
