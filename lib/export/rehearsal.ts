/**
 * What becomes of a finished span, gone through once without sending anything.
 */
import type { ReadableSpan } from '../tracer/sdk-contract.js';
import { Groups } from './group-heads.js';
import { jsonEncoder } from './otlp-json.js';
import { protobufEncoder } from './otlp-protobuf.js';
import type { PipelineOptions } from './pipeline-options.js';
import { SpanQueue } from './queue.js';

const MIB = 1_048_576;

/**
 * Encodes and queues a span as a pipeline does, and forgets it.
 *
 * @param span any finished span
 * @param protocol what the pipeline speaks
 */
export function rehearseExport(span: ReadableSpan, protocol: PipelineOptions['protocol']): void {
  const encoder = protocol === 'http/json' ? jsonEncoder : protobufEncoder;
  const limits = { maxQueueBytes: MIB, maxQueueSpans: 1, maxBatchBytes: MIB, maxBatchSpans: 2 };
  const queue = new SpanQueue(limits, encoder, () => {});
  queue.offer(encoder.encode(span, MIB).record, new Groups().of(span.resource, span.instrumentationScope));
}
