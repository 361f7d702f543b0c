/**
 * OTLP over HTTP: `POST /v1/traces`, as protobuf or JSON.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodeJson } from './decode-json.js';
import { decodeProtobuf } from './decode-protobuf.js';
import { contentTypeOf, HttpError, reply, withBody, type InFlight } from './exchange.js';
import { DecodeError, type DecodedTraces } from './received-span.js';
import type { Store } from './store.js';

const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json';

/** Takes a trace request; `kept` resolves when what was taken would survive the process. */
export async function receiveTraces(
  request: IncomingMessage,
  response: ServerResponse,
  store: Store,
  inFlight: InFlight,
  kept: () => Promise<void>,
): Promise<void> {
  const type = contentTypeOf(request);
  try {
    if (type !== PROTOBUF && type !== JSON_TYPE && type !== 'application/protobuf') {
      throw new HttpError(415, `traces are understood as ${PROTOBUF} and ${JSON_TYPE}`);
    }
    if (store.full) throw new HttpError(429, 'the viewer is full', { 'retry-after': '10' });
    const decoded = await withBody(request, inFlight, (body) => {
      const traces = decode(body, type);
      store.addSpans(traces.spans);
      return { rejected: traces.rejected, reason: traces.reason };
    });
    await kept();
    reply(request, response, 200, success(decoded, type), { 'content-type': type });
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const isJson = type === JSON_TYPE;
    reply(request, response, error.status, failure(error.message, isJson), {
      'content-type': isJson ? JSON_TYPE : PROTOBUF,
      ...error.headers,
    });
  }
}

function decode(body: Buffer, type: string): DecodedTraces {
  try {
    return type === JSON_TYPE ? decodeJson(body) : decodeProtobuf(body);
  } catch (error) {
    if (error instanceof DecodeError) throw new HttpError(error.status, error.message);
    throw error;
  }
}

/** `ExportTraceServiceResponse`, with a partial success if spans were turned away. */
function success(decoded: Pick<DecodedTraces, 'rejected' | 'reason'>, type: string): string | Buffer {
  const { rejected, reason = '' } = decoded;
  if (type === JSON_TYPE) {
    const partialSuccess = { rejectedSpans: String(rejected), errorMessage: reason };
    return JSON.stringify(rejected === 0 ? {} : { partialSuccess });
  }
  if (rejected === 0) return Buffer.alloc(0);
  return lengthDelimited(1, Buffer.concat([Buffer.from([0x08]), varint(rejected), text(2, reason)]));
}

/** `google.rpc.Status`, which OTLP asks for in the encoding of the request. */
function failure(message: string, isJson: boolean): string | Buffer {
  return isJson ? JSON.stringify({ message }) : text(2, message);
}

function text(field: number, value: string): Buffer {
  return lengthDelimited(field, Buffer.from(value));
}

function lengthDelimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([field * 8 + 2]), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}
