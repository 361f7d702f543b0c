/**
 * A service mesh: requests arrive with B3 headers, as Istio and Zipkin write them, and leave with B3 and W3C headers;
 * `x-request-id` and its like are passed on, so that the mesh can put its own spans into the trace.
 *
 * ```text
 * GET /items [tool] SERVER session=s-1 (parent is remote)
 * └─ Shop.items [tool]
 * sent on: baggage, traceparent, x-b3-sampled, x-b3-spanid, x-b3-traceid, x-request-id
 * ```
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { injectContextIntoCarrier, SessionTracer, Trace } from 'spanwise';
import { spanwise } from 'spanwise/express';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({
  project: 'examples',
  spanProcessors: [spans],
  propagators: ['b3multi', 'mesh'],
});

class Shop {
  /** @returns what a call to the next service would carry */
  @Trace()
  async items(): Promise<Record<string, string>> {
    return injectContextIntoCarrier({});
  }
}

const shop = new Shop();
const app = express();
app.use(spanwise());
app.get('/items', async (_request, response) => void response.json(await shop.items()));
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');

const headers = {
  'x-b3-traceid': '463ac35c9f6413ad48485a3953bb6124',
  'x-b3-spanid': 'a2fb4a1d1a96d312',
  'x-b3-sampled': '1',
  'x-request-id': 'r-42',
  baggage: 'session_id=s-1',
};
const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/items`, { headers });
const sentOn = (await answer.json()) as Record<string, string>;
server.close();
await tracer.shutdown();
console.log(spans.tree());
console.log(`sent on: ${Object.keys(sentOn).sort().join(', ')}`);
