/**
 * gRPC: metadata is a carrier in both directions. A call has a SERVER span, since nothing is between client and server.
 *
 * ```text
 * ask [tool] session=s-1
 * └─ Stock.count [tool] SERVER
 * 3 of tea
 * ```
 */
import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { DistributedEntry, injectContextIntoCarrier, SessionTracer, withSession, withSpan } from 'spanwise';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Stock {
  @DistributedEntry()
  async count(call: ServerUnaryCall<string, string>): Promise<string> {
    return `3 of ${call.request}`;
  }
}

// A service without a file for it: texts go over the wire as they are.
const toBytes = (text: string): Buffer => Buffer.from(text);
const toText = (bytes: Buffer): string => bytes.toString();
const service = {
  count: {
    path: '/shop.Stock/Count',
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  },
};
const stock = new Stock();
const server = new Server();
server.addService(service, {
  count: (call: ServerUnaryCall<string, string>, answer: sendUnaryData<string>) =>
    void stock.count(call).then((text) => answer(null, text), answer),
});
const port = await new Promise<number>((resolve, reject) =>
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
    error === null ? resolve(bound) : reject(error),
  ),
);

const Client = makeGenericClientConstructor(service, 'Stock');
const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
const answer = await withSession('s-1', () =>
  withSpan(
    'ask',
    () =>
      new Promise<string>((resolve, reject) =>
        client['count']!(
          'tea',
          injectContextIntoCarrier(new Metadata()),
          (error: Error | null, text: string) => (error === null ? resolve(text) : reject(error)),
        ),
      ),
  ),
);
client.close();
server.forceShutdown();
await tracer.shutdown();
console.log(spans.tree());
console.log(answer);
