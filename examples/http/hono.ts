/**
 * Hono: the same on Node and on runtimes that have no Node server, here by calling the application itself. A
 * request without a session starts one (`newSession`); a caller's wins over it.
 *
 * ```text
 * GET /greet/:name [tool] SERVER session=<uuid>
 * └─ translate [tool]
 * chat [tool] session=s-1
 * └─ GET /greet/:name [tool] SERVER
 *    └─ translate [tool]
 * ```
 */
import { Hono } from 'hono';
import { injectContextIntoCarrier, SessionTracer, trace, withSession, withSpan } from 'spanwise';
import { spanwise } from 'spanwise/hono';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

const translate = trace(async (name: string) => `Bonjour ${name}`, 'translate');

const app = new Hono();
app.use(spanwise({ newSession: true }));
app.get('/greet/:name', async (c) => c.text(await translate(c.req.param('name'))));

await (await app.request('/greet/Ada')).text();
await withSession('s-1', () =>
  withSpan('chat', async () => {
    await (await app.request('/greet/Grace', { headers: injectContextIntoCarrier({}) })).text();
  }),
);
await tracer.shutdown();
console.log(spans.tree());
