/**
 * Express: the whole request is one span, named after its route, below the caller's span in another service. What a
 * handler throws is on it; a request that fails with 500 is an error, one that is not found is not.
 *
 * ```text
 * checkout [tool] session=s-1
 * ├─ GET /orders/:id [tool] SERVER
 * │  └─ Orders.find [tool]
 * ├─ GET /orders/:id/invoice [tool] SERVER ERROR: no paper
 * └─ GET [tool] SERVER
 * ```
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { injectContextIntoCarrier, SessionTracer, Trace, withSession, withSpan } from 'spanwise';
import { spanwise } from 'spanwise/express';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Orders {
  @Trace()
  async find(id: string): Promise<{ id: string }> {
    return { id };
  }
}

const orders = new Orders();
const router = express.Router();
router.get('/:id', async (request, response) => void response.json(await orders.find(request.params.id)));
router.get('/:id/invoice', () => {
  throw new Error('no paper');
});
const app = express();
app.set('env', 'test'); // Express writes no errors to the console
app.use(spanwise()); // first
app.use('/orders', router);

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

await withSession('s-1', () =>
  withSpan('checkout', async () => {
    for (const path of ['/orders/7', '/orders/7/invoice', '/nowhere']) {
      await (await fetch(url + path, { headers: injectContextIntoCarrier({}) })).text();
    }
  }),
);
server.close();
await tracer.shutdown();
console.log(spans.tree());
