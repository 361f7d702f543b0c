/**
 * NATS: a request and its answer. Its headers are an object of the client, which is a carrier as it is.
 *
 * ```text
 * ask [tool] session=s-1
 * └─ Stock.count [tool] CONSUMER
 * 3 of tea
 * ```
 */
import { connect, headers, type Msg } from '@nats-io/transport-node';
import { DistributedEntry, injectContextIntoCarrier, SessionTracer, withSession, withSpan } from 'spanwise';
import { messageAttributes } from 'spanwise/messaging';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Stock {
  @DistributedEntry({ attributes: messageAttributes })
  async count(message: Msg): Promise<void> {
    message.respond(`3 of ${message.string()}`);
  }
}

const connection = await connect({ servers: process.env['BROKER_URL'] ?? 'nats://127.0.0.1' });
const stock = new Stock();
connection.subscribe('stock', { callback: (_error, message) => void stock.count(message) });

const answer = await withSession('s-1', () =>
  withSpan('ask', () =>
    connection.request('stock', 'tea', { timeout: 5_000, headers: injectContextIntoCarrier(headers()) }),
  ),
);
await connection.close();
await tracer.shutdown();
console.log(spans.tree());
console.log(answer.string());
