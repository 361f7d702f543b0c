/**
 * Contexts that are made once per span: fixed places for what tracing puts into a context, instead of a copied map.
 */
import {
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  trace,
  type Baggage,
  type Context,
  type Span,
} from '@opentelemetry/api';
import { DEFAULTS_KEY, MEMBER_KEY, OWNER_KEY, REMOTE_KEY } from './keys.js';

const SPAN = createContextKey('OpenTelemetry Context Key SPAN');
const BAGGAGE = createContextKey('OpenTelemetry Baggage Key');
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/**
 * A context with a place for each key that tracing uses; other keys live in `rest`, an ordinary context. Nodes do
 * not point at each other, so the hundredth nested span costs what the first did.
 */
class ContextNode implements Context {
  constructor(
    readonly span: unknown,
    readonly baggage: unknown,
    readonly owner: unknown,
    readonly member: unknown,
    readonly defaults: unknown,
    readonly remote: unknown,
    readonly suppressed: unknown,
    readonly rest: Context,
  ) {}

  getValue(key: symbol): unknown {
    switch (key) {
      case SPAN:
        return this.span;
      case BAGGAGE:
        return this.baggage;
      case OWNER_KEY:
        return this.owner;
      case MEMBER_KEY:
        return this.member;
      case DEFAULTS_KEY:
        return this.defaults;
      case REMOTE_KEY:
        return this.remote;
      case SUPPRESSED:
        return this.suppressed;
      default:
        return this.rest.getValue(key);
    }
  }

  setValue(key: symbol, value: unknown): Context {
    const { span, baggage, owner, member, defaults, remote, suppressed, rest } = this;
    switch (key) {
      case SPAN:
        return new ContextNode(value, baggage, owner, member, defaults, remote, suppressed, rest);
      case BAGGAGE:
        return new ContextNode(span, value, owner, member, defaults, remote, suppressed, rest);
      case OWNER_KEY:
        return new ContextNode(span, baggage, value, member, defaults, remote, suppressed, rest);
      case MEMBER_KEY:
        return new ContextNode(span, baggage, owner, value, defaults, remote, suppressed, rest);
      case DEFAULTS_KEY:
        return new ContextNode(span, baggage, owner, member, value, remote, suppressed, rest);
      case REMOTE_KEY:
        return new ContextNode(span, baggage, owner, member, defaults, value, suppressed, rest);
      case SUPPRESSED:
        return new ContextNode(span, baggage, owner, member, defaults, remote, value, rest);
      default:
        return new ContextNode(
          span,
          baggage,
          owner,
          member,
          defaults,
          remote,
          suppressed,
          rest.setValue(key, value),
        );
    }
  }

  deleteValue(key: symbol): Context {
    // In its place, an absent value is undefined; only `rest` has something to delete.
    switch (key) {
      case SPAN:
      case BAGGAGE:
      case OWNER_KEY:
      case MEMBER_KEY:
      case DEFAULTS_KEY:
      case REMOTE_KEY:
      case SUPPRESSED:
        return this.setValue(key, undefined);
      default: {
        const { span, baggage, owner, member, defaults, remote, suppressed, rest } = this;
        return new ContextNode(
          span,
          baggage,
          owner,
          member,
          defaults,
          remote,
          suppressed,
          rest.deleteValue(key),
        );
      }
    }
  }
}

/**
 * The same context as a node, from which others are derived without copying a map.
 *
 * @param context any context
 */
export function contextNode(context: Context): Context {
  if (context instanceof ContextNode) return context;
  if (context === ROOT_CONTEXT) {
    return new ContextNode(
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      context,
    );
  }
  return new ContextNode(
    context.getValue(SPAN),
    context.getValue(BAGGAGE),
    context.getValue(OWNER_KEY),
    context.getValue(MEMBER_KEY),
    context.getValue(DEFAULTS_KEY),
    context.getValue(REMOTE_KEY),
    context.getValue(SUPPRESSED),
    context,
  );
}

/**
 * `trace.setSpan` without the copy: the context with a span in it, cheap to derive more spans' contexts from.
 *
 * @param context any context
 * @param span the span to be active
 */
export function contextWithSpan(context: Context, span: Span): Context {
  if (context instanceof ContextNode) {
    return new ContextNode(
      span,
      context.baggage,
      context.owner,
      context.member,
      context.defaults,
      context.remote,
      context.suppressed,
      context.rest,
    );
  }
  if (context === ROOT_CONTEXT) {
    return new ContextNode(span, undefined, undefined, undefined, undefined, undefined, undefined, context);
  }
  try {
    return new ContextNode(
      span,
      context.getValue(BAGGAGE),
      context.getValue(OWNER_KEY),
      context.getValue(MEMBER_KEY),
      context.getValue(DEFAULTS_KEY),
      context.getValue(REMOTE_KEY),
      context.getValue(SUPPRESSED),
      context,
    );
  } catch {
    return trace.setSpan(context, span);
  }
}

/**
 * The context with what arrived in it, without three copies.
 *
 * @param context any context
 * @param span the caller's span; undefined leaves the active one
 * @param baggage the baggage; undefined leaves the one that is there
 * @param remote what is remembered of the caller
 */
export function contextWithArrived(
  context: Context,
  span: Span | undefined,
  baggage: Baggage | undefined,
  remote: unknown,
): Context {
  if (context === ROOT_CONTEXT) {
    return new ContextNode(span, baggage, undefined, undefined, undefined, remote, undefined, context);
  }
  if (context instanceof ContextNode) {
    return new ContextNode(
      span ?? context.span,
      baggage ?? context.baggage,
      context.owner,
      context.member,
      context.defaults,
      remote,
      context.suppressed,
      context.rest,
    );
  }
  let next = context.setValue(REMOTE_KEY, remote);
  if (span !== undefined) next = trace.setSpan(next, span);
  return baggage === undefined ? next : propagation.setBaggage(next, baggage);
}
