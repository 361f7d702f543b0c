/**
 * Koa: the span has the template of `@koa/router`. A decorated entry further in finds the request by itself, although
 * its method never sees it, and adds to the trace instead of starting another.
 *
 * ```text
 * buy [tool] session=s-1
 * └─ POST /basket/:item [tool] SERVER
 *    └─ Basket.add [chain]
 *       └─ Basket.reserve [tool]
 * ```
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa from 'koa';
import {
  DistributedEntry,
  injectContextIntoCarrier,
  SessionTracer,
  Trace,
  withSession,
  withSpan,
} from 'spanwise';
import { spanwise } from 'spanwise/koa';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Basket {
  @DistributedEntry({ eventType: 'chain' })
  async add(item: string): Promise<{ item: string }> {
    await this.reserve(item);
    return { item };
  }

  @Trace()
  async reserve(_item: string): Promise<void> {}
}

const basket = new Basket();
const router = new Router();
router.post('/basket/:item', async (ctx) => void (ctx.body = await basket.add(ctx.params['item'] ?? '')));
const app = new Koa();
app.use(spanwise()); // first
app.use(router.routes());

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

await withSession('s-1', () =>
  withSpan('buy', async () => {
    await (
      await fetch(`${url}/basket/tea`, { method: 'POST', headers: injectContextIntoCarrier({}) })
    ).json();
  }),
);
server.close();
await tracer.shutdown();
console.log(spans.tree());
