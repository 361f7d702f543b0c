/**
 * Outgoing calls: `instrumentClients` gives `fetch`, `node:http` and axios CLIENT spans and sends trace and session along,
 * without a line per call. Only hosts in `propagateTo` are told the session.
 *
 * ```text
 * order [tool] session=s-1
 * ├─ GET [tool] CLIENT
 * │  └─ stock [tool] SERVER
 * ├─ GET [tool] CLIENT
 * │  └─ stock [tool] SERVER
 * └─ GET [tool] CLIENT
 * told elsewhere: nothing
 * ```
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import axios from 'axios';
import { DistributedEntry, SessionTracer, withSession, withSpan } from 'spanwise';
import { instrumentClients } from 'spanwise/http';
import { recordSpans } from 'spanwise/testing';

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

class Stock {
  @DistributedEntry({ name: 'stock' })
  async find(): Promise<string> {
    return 'tea';
  }
}

const stock = createServer(async (_request, response) => void response.end(await new Stock().find()));
const received: (string | undefined)[] = [];
const elsewhere = createServer((request, response) => {
  received.push(request.headers['baggage'] as string | undefined);
  response.end();
});
const stockUrl = `http://127.0.0.1:${await listen(stock)}`;
const elsewhereUrl = `http://localhost:${await listen(elsewhere)}`;

const spans = recordSpans();
const tracer = SessionTracer.init({
  project: 'examples',
  spanProcessors: [spans],
  propagateTo: ['127.0.0.1'],
});
const stop = instrumentClients();

await withSession('s-1', () =>
  withSpan('order', async () => {
    await (await fetch(stockUrl)).text();
    await axios.get(stockUrl, { adapter: 'http' });
    await (await fetch(elsewhereUrl)).text();
  }),
);
stop();
stock.close();
elsewhere.close();
await tracer.shutdown();
console.log(spans.tree());
console.log(`told elsewhere: ${received.join() || 'nothing'}`);
