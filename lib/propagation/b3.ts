/**
 * B3, the headers of Zipkin and of many meshes: the single `b3` header and the `x-b3-*` ones.
 *
 * @see https://github.com/openzipkin/b3-propagation
 */
import type { SpanContext } from '@opentelemetry/api';
import {
  HEADER_B3,
  HEADER_B3_FLAGS,
  HEADER_B3_SAMPLED,
  HEADER_B3_SPAN_ID,
  HEADER_B3_TRACE_ID,
} from '../conventions.js';
import { FLAG_SAMPLED, isSpanId, isTraceId } from './trace-context.js';

/** Reads one header of a carrier. */
export type ReadHeader = (key: string) => string | string[] | undefined;
/** Writes one header to a carrier. */
export type WriteHeader = (key: string, value: string) => void;

/** The longest single header: ids, sampling, parent. */
const MAX_LENGTH = 128;

function text(value: string | string[] | undefined): string {
  const single = Array.isArray(value) ? (value.length === 1 ? value[0] : undefined) : value;
  return single === undefined || single.length > MAX_LENGTH ? '' : single.trim().toLowerCase();
}

function spanContext(traceId: string, spanId: string, sampled: boolean): SpanContext | undefined {
  // Ids of 64 bits are padded, as W3C Trace Context recommends.
  const long = traceId.length === 16 ? traceId.padStart(32, '0') : traceId;
  if (!isTraceId(long) || !isSpanId(spanId)) return undefined;
  return { traceId: long, spanId, traceFlags: sampled ? FLAG_SAMPLED : 0, isRemote: true };
}

/** Reads the single header; without ids in it there is no caller. */
export function readB3(read: ReadHeader): SpanContext | undefined {
  const [traceId = '', spanId = '', sampling = ''] = text(read(HEADER_B3)).split('-');
  return spanContext(traceId, spanId, sampling === '1' || sampling === 'd');
}

/** Reads the separate headers. */
export function readB3Multi(read: ReadHeader): SpanContext | undefined {
  const traceId = text(read(HEADER_B3_TRACE_ID));
  if (traceId === '') return undefined;
  const sampled = text(read(HEADER_B3_SAMPLED));
  const debug = text(read(HEADER_B3_FLAGS)) === '1';
  return spanContext(
    traceId,
    text(read(HEADER_B3_SPAN_ID)),
    debug || sampled === '1' || sampled === 'true' || sampled === 'd',
  );
}

/** Writes the single header. */
export function writeB3(span: SpanContext, write: WriteHeader): void {
  write(HEADER_B3, `${span.traceId}-${span.spanId}-${span.traceFlags & FLAG_SAMPLED}`);
}

/** Writes the separate headers. */
export function writeB3Multi(span: SpanContext, write: WriteHeader): void {
  write(HEADER_B3_TRACE_ID, span.traceId);
  write(HEADER_B3_SPAN_ID, span.spanId);
  write(HEADER_B3_SAMPLED, String(span.traceFlags & FLAG_SAMPLED));
}
