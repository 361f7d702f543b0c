/**
 * AWS Lambda: one handler behind API Gateway and a queue. It continues whoever called it, links to every message of a
 * batch, and has delivered its spans before it answers, since the process is frozen then. Here the events are handed to
 * it as Lambda would; `deliveries` counts what had arrived by the time of each answer.
 *
 * ```text
 * checkout [tool] session=s-1
 * └─ POST /orders/{id} [tool] SERVER
 *    └─ order 7 [tool]
 * orders-queue process [tool] CONSUMER session=s-2 (parent is remote)
 * └─ order 8 [tool]
 * orders-queue process [tool] CONSUMER session=<uuid>
 * order 9 [tool] session=s-3 (parent is remote)
 * order 10 [tool] session=s-4 (parent is remote)
 * deliveries before each answer: 2, 5, 8
 * links of the batch: 2
 * ```
 */
import {
  injectContextIntoCarrier,
  SessionTracer,
  withDistributedTraceContext,
  withSession,
  withSpan,
} from 'spanwise';
import { spanwise } from 'spanwise/lambda';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
let delivered = 0;
const tracer = SessionTracer.init({
  project: 'examples',
  spanProcessors: [spans],
  // Stands for the backend.
  exporter: {
    export: (batch, done) => {
      delivered += batch.length;
      done({ code: 0 });
    },
    shutdown: async () => undefined,
  },
});

interface Message {
  body: string;
  receiptHandle: string;
  messageAttributes: Record<string, { stringValue: string; dataType: string }>;
}
interface Event {
  pathParameters?: { id: string };
  Records?: Message[];
}

/** What would be deployed. */
export const handler = spanwise(async ({ pathParameters, Records = [] }: Event) => {
  if (pathParameters !== undefined) await order(pathParameters.id);
  // A single message is continued already; in a batch each has a trace and session of its own.
  else if (Records.length === 1) await order(Records[0]!.body);
  else for (const record of Records) await withDistributedTraceContext(record, () => order(record.body));
  return { statusCode: 202 };
});
const order = (id: string): Promise<void> => withSpan(`order ${id}`, async () => undefined);

/** What the senders do: headers for a request, message attributes for the queue. */
const headers = (): Record<string, string> => injectContextIntoCarrier({});
const message = (body: string, session: string): object => ({
  body,
  receiptHandle: body,
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:orders-queue',
  messageAttributes: Object.fromEntries(
    Object.entries(withSession(session, () => remote(headers))).map(([name, stringValue]) => [
      name,
      { stringValue, dataType: 'String' },
    ]),
  ),
});
/** A span of a sender elsewhere. */
function remote<T>(fn: () => T): T {
  const id = (length: number): string =>
    Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16)).join('');
  return withDistributedTraceContext({ traceparent: `00-${id(32)}-${id(16)}-01` }, fn);
}

/** Lambda itself. */
const before: number[] = [];
async function invoke(event: object): Promise<void> {
  await handler(event as Event);
  before.push(delivered);
}

await withSession('s-1', () =>
  withSpan('checkout', async () => {
    const requestContext = { http: { method: 'POST', path: '/orders/7' } };
    const request = { routeKey: 'POST /orders/{id}', pathParameters: { id: '7' }, requestContext };
    await invoke({ ...request, headers: headers() });
  }),
);
await invoke({ Records: [message('8', 's-2')] });
await invoke({ Records: [message('9', 's-3'), message('10', 's-4')] });

console.log(spans.tree());
console.log(`deliveries before each answer: ${before.join(', ')}`);
const batch = spans.spans.find((span) => span.links.length > 0);
console.log(`links of the batch: ${batch?.links.length}`);
await tracer.shutdown();
