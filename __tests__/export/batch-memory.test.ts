import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { Batch } from '../../lib/export/batch.js';
import { Delivery } from '../../lib/export/delivery.js';
import { Groups } from '../../lib/export/group-heads.js';
import { Ledger } from '../../lib/export/ledger.js';
import { protobufEncoder } from '../../lib/export/otlp-protobuf.js';
import { SpanQueue } from '../../lib/export/queue.js';
import { quietly } from '../../lib/export/quiet.js';
import type { Answer, TransportRequest } from '../../lib/export/transport.js';
import { collectDiagnostics } from '../support/diagnostics.js';
import { makeSpan } from './make-span.js';
import { decodeProtobuf, spansOf } from './otlp-decode.js';

beforeEach(() => void collectDiagnostics());
afterEach(() => diag.disable());

const OK: Answer = { status: 200, retryAfter: undefined, contentType: '', body: new Uint8Array(0) };

/** A queue whose requests are answered by hand. */
function setUp(released: boolean): {
  add: (...names: string[]) => void;
  requests: { pieces: readonly Uint8Array[]; answer: (answer: Answer) => Promise<void> }[];
  delivery: Delivery;
} {
  const ledger = new Ledger();
  const limits = { maxQueueBytes: 1e6, maxQueueSpans: 1e6, maxBatchBytes: 1e6, maxBatchSpans: 1e6 };
  const queue = new SpanQueue(limits, protobufEncoder, (ticket) => ledger.enter(ticket));
  const requests: { pieces: readonly Uint8Array[]; answer: (answer: Answer) => Promise<void> }[] = [];
  const transport = {
    send({ pieces }: TransportRequest) {
      let resolve!: (answer: Answer) => void;
      const answer = new Promise<Answer>((done) => (resolve = done));
      requests.push({
        pieces,
        answer: async (given) => {
          resolve(given);
          for (let turn = 0; turn < 10; turn++) await Promise.resolve();
        },
      });
      return { answer, handedOver: () => true, released: () => released, abort: () => undefined };
    },
    close: () => undefined,
  };
  const delivery = new Delivery(queue, ledger, transport, quietly(), {
    headers: () => ({}),
    compressFrom: Infinity,
    requestTimeoutMs: 1_000,
    concurrency: 4,
    requestBound: false,
    endpoint: 'http://test',
    onLost: () => undefined,
  });
  const groups = new Groups();
  const add = (...names: string[]): void => {
    for (const name of names) {
      const span = makeSpan(name);
      queue.offer(
        protobufEncoder.encode(span, 100_000).record,
        groups.of(span.resource, span.instrumentationScope),
      );
    }
  };
  return { add, requests, delivery };
}

const namesIn = (pieces: readonly Uint8Array[]): string[] =>
  spansOf(decodeProtobuf(Buffer.concat(pieces))).map(({ name }) => name);
const memoryOf = (pieces: readonly Uint8Array[]): ArrayBufferLike =>
  [...pieces].sort((a, b) => b.length - a.length)[0]!.buffer;
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

describe('the memory of a batch', () => {
  test('serves another one once its spans are delivered and with the operating system', async () => {
    const { add, requests, delivery } = setUp(true);
    for (let round = 0; round < 3; round++) {
      add(`a${round}`, `b${round}`);
      delivery.pump(true);
      await turns();
      expect(namesIn(requests[round]!.pieces)).toEqual([`a${round}`, `b${round}`]);
      await requests[round]!.answer(OK);
    }
    expect(memoryOf(requests[1]!.pieces)).toBe(memoryOf(requests[0]!.pieces));
    expect(memoryOf(requests[2]!.pieces)).toBe(memoryOf(requests[0]!.pieces));
  });

  test('is left alone while the request is still being written, also if the backend has answered', async () => {
    const { add, requests, delivery } = setUp(false);
    add('first');
    delivery.pump(true);
    await turns();
    await requests[0]!.answer(OK);
    add('second');
    delivery.pump(true);
    await turns();
    expect(namesIn(requests[0]!.pieces)).toEqual(['first']);
    expect(namesIn(requests[1]!.pieces)).toEqual(['second']);
  });

  test('is left alone after a request that failed, and for the halves of a batch that was refused', async () => {
    const { add, requests, delivery } = setUp(true);
    const refused: Answer = { ...OK, status: 400 };
    add('one', 'two');
    delivery.pump(true);
    await turns();
    await requests[0]!.answer(refused);
    await turns();
    await requests[1]!.answer(OK);
    add('three');
    delivery.pump(true);
    await turns();
    expect(requests.slice(1).map(({ pieces }) => namesIn(pieces))).toEqual([['one'], ['two'], ['three']]);
    expect(namesIn(requests[0]!.pieces)).toEqual(['one', 'two']);
  });

  test('of a batch that was sent before without success is not given away', () => {
    const batch = new Batch(protobufEncoder);
    batch.attempts = 1;
    expect(batch.reclaim()).toBeUndefined();
    batch.attempts = 0;
    expect(batch.reclaim()).toBeInstanceOf(Uint8Array);
  });
});
