/**
 * Finding the carrier among the arguments of a call.
 *
 * What *is* a request, `Headers` or a message is told by its shape, never by its data; plain data is looked at last,
 * and only where no request is near, because data is what a stranger may have written.
 */
import { context } from '@opentelemetry/api';
import { SERVED_KEY, type Served } from '../context/keys.js';
import { NameLister } from '../capture/huge.js';
import { warn } from '../diagnostics.js';
import { HEADER_BAGGAGE, HEADER_TRACEPARENT } from '../conventions.js';
import { looksLikeCarrier, readCarrier, spellingsOf } from './carrier.js';
import {
  dataOf,
  describe,
  isBytes,
  isGrpcMetadata,
  isHeaders,
  isMap,
  isNatsHeaders,
  isObject,
  isPlain,
  ownValue,
} from './carrier-shapes.js';
import { currentRequest } from './current-request.js';
import { batchOf, recogniseMessage, sqsBatch, sqsMessage, type Candidate } from './message-shapes.js';

/** Where a carrier was found. */
export interface CarrierFinding {
  /** What to read the headers from; undefined if there is none. */
  readonly carrier: unknown;
  /** An argument that is a request or a message, the current request, a flat map of headers, or nothing. */
  readonly via: 'argument' | 'request' | 'headers' | 'none';
  /** Whether it came with a message of a queue rather than with a request. */
  readonly message: boolean;
  /** Whether there were several that disagreed; then none is taken. */
  readonly ambiguous: boolean;
  /** The carriers of a batch of messages, each with a caller of its own; then there is no single carrier. */
  readonly batch?: readonly unknown[];
}

const NONE: CarrierFinding = { carrier: undefined, via: 'none', message: false, ambiguous: false };
/** How many arguments are looked at. */
const MAX_ARGUMENTS = 16;
/** How many keys a map of headers may have. */
const MAX_FLAT_KEYS = 500;

/**
 * Finds the carrier of a call.
 *
 * @param args the call's arguments
 * @returns what was found and where; never throws
 */
export function findCarrier(args: readonly unknown[]): CarrierFinding {
  const certain: Candidate[] = [];
  const flat: Candidate[] = [];
  let plainBatch: ReturnType<typeof batchOf>;
  let request: Candidate | undefined;
  let message: Candidate | undefined;
  const count = Math.min(args.length, MAX_ARGUMENTS);
  for (let i = 0; i < count; i++) {
    const argument = args[i];
    if (!isObject(argument)) continue;
    try {
      const batch = batchOf(argument);
      if (batch !== undefined) return ofBatch(batch);
      const found = recognise(argument, 0);
      if (found !== undefined) {
        if (found.kind === 'request') request ??= found;
        else if (found.kind === 'message') message ??= found;
        if (looksLikeCarrier(found.carrier)) certain.push(found);
        continue;
      }
      plainBatch ??= sqsBatch(argument);
      const data = flatCarrier(argument);
      if (data?.kind === 'message') message ??= data;
      if (data !== undefined && looksLikeCarrier(data.carrier)) flat.push(data);
    } catch {
      // A hostile argument is no carrier.
    }
  }
  if (certain.length > 0) return choose(certain, 'argument');
  if (request !== undefined) return finding(request, 'argument');
  // A message whose headers got lost came from no request, whatever request opened the connection it came by.
  if (message !== undefined) {
    return flat.length > 0 ? { ...choose(flat, 'headers'), message: true } : finding(message, 'argument');
  }
  const current = recogniseCurrent();
  if (current !== undefined) return finding(current, 'request');
  if (flat.length > 0) return choose(flat, 'headers');
  return plainBatch === undefined ? NONE : ofBatch(plainBatch);
}

function ofBatch(batch: readonly (Candidate | undefined)[]): CarrierFinding {
  return { ...NONE, via: 'argument', message: true, batch: batch.map((found) => found?.carrier) };
}

function recogniseCurrent(): Candidate | undefined {
  try {
    const current = currentRequest();
    if (isObject(current)) return recognise(current, 0) ?? flatCarrier(current);
    // A request that a middleware has let in needs no channel, nor had one to be listened to when it began.
    const served = context.active().getValue(SERVED_KEY) as Served | undefined;
    return served?.waiting === true ? { carrier: served.carrier, kind: 'request' } : undefined;
  } catch {
    return undefined;
  }
}

function finding(candidate: Candidate, via: CarrierFinding['via']): CarrierFinding {
  return { carrier: candidate.carrier, via, message: candidate.kind === 'message', ambiguous: false };
}

function choose(candidates: readonly Candidate[], via: CarrierFinding['via']): CarrierFinding {
  const first = candidates[0] as Candidate;
  for (let i = 1; i < candidates.length; i++) {
    if (saysTheSame(first.carrier, (candidates[i] as Candidate).carrier)) continue;
    warn(
      'SPW_CARRIER',
      'two arguments carry different trace headers, so none is taken; name one with the carrier option',
      'ambiguous',
    );
    return { ...NONE, ambiguous: true };
  }
  return finding(first, via);
}

function saysTheSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  return [HEADER_TRACEPARENT, HEADER_BAGGAGE].every((name) => {
    const [a, b] = [readCarrier(one, name), readCarrier(other, name)];
    if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
    return a.length === b.length && a.every((value, i) => value === b[i]);
  });
}

/** Containers, then requests, then messages; `depth` counts the wrappers that were taken off. */
function recognise(value: object, depth: number): Candidate | undefined {
  if (isHeaders(value) || isMap(value) || isGrpcMetadata(value) || isNatsHeaders(value)) {
    return { carrier: value, kind: 'container' };
  }
  return recogniseRequest(value, depth) ?? recogniseMessage(value, depth);
}

function recogniseRequest(value: object, depth: number): Candidate | undefined {
  if (isNodeRequest(value)) return { carrier: (value as { headers?: unknown }).headers, kind: 'request' };
  // The getter of a fetch Request is the runtime's own; of any other class only data is read.
  const headers = isFetchRequest(value) ? (value as { headers?: unknown }).headers : dataOf(value, 'headers');
  if (isHeaders(headers)) return { carrier: headers, kind: 'request' };
  if (depth >= 2) return undefined;
  // Fastify and Hono wrap the request as `raw`, Koa and Hono's context as `req`, h3 as `node.req`.
  for (const name of ['raw', 'req', 'request', 'node']) {
    const inner = dataOf(value, name) ?? (name === 'req' ? lazyRequest(value) : undefined);
    if (!isObject(inner) || inner === value) continue;
    const found = recogniseRequest(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Hono's context makes its `req` in a getter. */
function lazyRequest(value: object): unknown {
  const getter = describe(value, 'req')?.get;
  const isHono = typeof dataOf(value, 'json') === 'function' && typeof dataOf(value, 'header') === 'function';
  return getter !== undefined && isHono ? (value as { req?: unknown }).req : undefined;
}

function isNodeRequest(value: object): boolean {
  const version = describe(value, 'httpVersion');
  if (version === undefined || typeof dataOf(value, 'on') !== 'function') return false;
  // http2's compatibility request has it as a getter of its class.
  return typeof version.value === 'string' || typeof version.get === 'function';
}

function isFetchRequest(value: object): boolean {
  return (
    !isPlain(value) &&
    dataOf(value, Symbol.toStringTag) === 'Request' &&
    describe(value, 'headers') !== undefined
  );
}

/** Plain data that is nothing but headers, or a message of SQS: taken only if nothing surer is there. */
function flatCarrier(value: object): Candidate | undefined {
  if (!isPlain(value)) return undefined;
  const sqs = sqsMessage(value);
  if (sqs !== undefined) return sqs;
  // Most data is told apart here, without going through its keys.
  if (!TELLING_NAMES.some((name) => Object.hasOwn(value, name))) return undefined;
  const names = new NameLister().list(value);
  if (names === undefined || names.length > MAX_FLAT_KEYS) return undefined;
  if (!names.every((name) => isFlat(ownValue(value, name)))) return undefined;
  return looksLikeCarrier(value) ? { carrier: value, kind: 'container' } : undefined;
}

/** The headers that tell a map of headers from other data, as senders write them. */
const TELLING_NAMES = [HEADER_TRACEPARENT, HEADER_BAGGAGE].flatMap((name) => [name, ...spellingsOf(name)]);

function isFlat(value: unknown): boolean {
  if (Array.isArray(value))
    return value.length < 100 && value.every((item) => typeof item === 'string' || isBytes(item));
  return typeof value !== 'object' || value === null || isBytes(value);
}

/**
 * Something that was named as the carrier: the headers of a request or a message, else the thing itself.
 *
 * @param value what the user named
 */
export function namedCarrier(value: unknown): Pick<CarrierFinding, 'carrier' | 'message' | 'batch'> {
  if (!isObject(value)) return { carrier: undefined, message: false };
  try {
    const batch = batchOf(value) ?? sqsBatch(value);
    if (batch !== undefined) return ofBatch(batch);
    const found = recognise(value, 0) ?? sqsMessage(value);
    return found === undefined
      ? { carrier: value, message: false }
      : { carrier: found.carrier, message: found.kind === 'message' };
  } catch {
    return { carrier: value, message: false };
  }
}

/**
 * The headers of something that was named as the carrier.
 *
 * @param value what the user named
 */
export function carrierOf(value: unknown): unknown {
  return namedCarrier(value).carrier;
}
