/** The options of the export pipeline. */
import { singleLine, SpanwiseError } from '../diagnostics.js';

/**
 * How spans get to the backend.
 *
 * @category Export
 */
export interface PipelineOptions {
  /** The full URL of the traces endpoint. */
  url: string;
  /** Headers of each request; a function is asked before each one. */
  headers?: Record<string, string> | (() => Record<string, string>);
  /** @default 'http/protobuf' */
  protocol?: 'http/protobuf' | 'http/json';
  /** @default gzip for bodies over 4 KiB that leave the machine */
  compression?: 'gzip' | 'none';
  /** `immediate` sends each span at once, for functions that are frozen after their response. @default 'batch' */
  mode?: 'batch' | 'immediate';
  /** What may wait, in bytes. @default 48 MiB */
  maxQueueBytes?: number;
  /** What may wait, in spans. @default no limit but the bytes */
  maxQueueSpans?: number;
  /** @default 1 MiB */
  maxBatchBytes?: number;
  /** @default 2048 */
  maxBatchSpans?: number;
  /** How long a span may wait for others, in milliseconds. @default 1000 */
  scheduledDelayMs?: number;
  /** How long one request may take in all, in milliseconds. @default 10000 */
  requestTimeoutMs?: number;
  /** Requests on their way at once. @default 4 */
  concurrency?: number;
  /** What one span may take, in bytes; the texts of larger ones are cut. @default 2 MiB */
  maxSpanBytes?: number;
  /** Keeps spans on disk until they are delivered, in the temporary directory or the given one. @default false */
  spool?: boolean | string | { directory: string; maxBytes?: number };
  /** How long a shutdown or the end of the process may wait, in milliseconds; 0 keeps out of the end. @default 2000 */
  exitTimeoutMs?: number;
  /** Is told about spans that will never be delivered: how many, and why. */
  onDrop?: (count: number, reason: string) => void;
}

/** The URL of the endpoint, or a usage error. */
export function endpointOf(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed;
  const remedy = 'give the full URL of the traces endpoint, like http://localhost:4318/v1/traces';
  throw new SpanwiseError(
    'SPW_OPTION',
    `the export URL "${singleLine(String(url), 100)}" cannot be used; ${remedy}`,
  );
}

/** A number that makes sense, or the default. */
export function atLeast(value: number | undefined, least: number, fallback: number): number {
  return typeof value === 'number' && value >= least ? value : fallback;
}
