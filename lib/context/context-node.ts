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
 * What the spans of one piece of work have in common: everything of a context but the span and the member.
 *
 * Immutable but for what is remembered of it, so that what is found out once serves all its spans.
 */
export class Surroundings {
  /** The tracer whose identity is complete in the baggage, as it was found out last. */
  completeFor: unknown = undefined;
  /** The same surroundings with an owner's identity in the baggage, as they were made last. */
  completed: Surroundings | undefined = undefined;
  /** What spans in it are stamped with, as it was put together last. */
  stamp: unknown = undefined;

  constructor(
    readonly baggage: unknown,
    readonly owner: unknown,
    readonly defaults: unknown,
    readonly remote: unknown,
    readonly suppressed: unknown,
    readonly rest: Context,
  ) {}
}

/**
 * A context with a place for each key that tracing uses; other keys live in `rest`, an ordinary context. Nodes do
 * not point at each other, so the hundredth nested span costs what the first did.
 */
export class ContextNode implements Context {
  constructor(
    readonly span: unknown,
    readonly member: unknown,
    readonly around: Surroundings,
  ) {}

  getValue(key: symbol): unknown {
    switch (key) {
      case SPAN:
        return this.span;
      case MEMBER_KEY:
        return this.member;
      case BAGGAGE:
        return this.around.baggage;
      case OWNER_KEY:
        return this.around.owner;
      case DEFAULTS_KEY:
        return this.around.defaults;
      case REMOTE_KEY:
        return this.around.remote;
      case SUPPRESSED:
        return this.around.suppressed;
      default:
        return this.around.rest.getValue(key);
    }
  }

  setValue(key: symbol, value: unknown): Context {
    const { span, member, around } = this;
    if (key === SPAN) return new ContextNode(value, member, around);
    if (key === MEMBER_KEY) return new ContextNode(span, value, around);
    const { baggage, owner, defaults, remote, suppressed, rest } = around;
    return new ContextNode(
      span,
      member,
      key === BAGGAGE
        ? new Surroundings(value, owner, defaults, remote, suppressed, rest)
        : key === OWNER_KEY
          ? new Surroundings(baggage, value, defaults, remote, suppressed, rest)
          : key === DEFAULTS_KEY
            ? new Surroundings(baggage, owner, value, remote, suppressed, rest)
            : key === REMOTE_KEY
              ? new Surroundings(baggage, owner, defaults, value, suppressed, rest)
              : key === SUPPRESSED
                ? new Surroundings(baggage, owner, defaults, remote, value, rest)
                : new Surroundings(baggage, owner, defaults, remote, suppressed, rest.setValue(key, value)),
    );
  }

  deleteValue(key: symbol): Context {
    // In its place, an absent value is undefined; only `rest` has something to delete.
    switch (key) {
      case SPAN:
      case MEMBER_KEY:
      case BAGGAGE:
      case OWNER_KEY:
      case DEFAULTS_KEY:
      case REMOTE_KEY:
      case SUPPRESSED:
        return this.setValue(key, undefined);
      default: {
        const { baggage, owner, defaults, remote, suppressed, rest } = this.around;
        return new ContextNode(
          this.span,
          this.member,
          new Surroundings(baggage, owner, defaults, remote, suppressed, rest.deleteValue(key)),
        );
      }
    }
  }
}

// Every root span starts here.
const ROOT_SURROUNDINGS = new Surroundings(
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  ROOT_CONTEXT,
);

function surroundingsOf(context: Context): Surroundings {
  if (context === ROOT_CONTEXT) return ROOT_SURROUNDINGS;
  return new Surroundings(
    context.getValue(BAGGAGE),
    context.getValue(OWNER_KEY),
    context.getValue(DEFAULTS_KEY),
    context.getValue(REMOTE_KEY),
    context.getValue(SUPPRESSED),
    context,
  );
}

/**
 * The same context as a node, from which others are derived without copying a map.
 *
 * @param context any context
 */
export function contextNode(context: Context): ContextNode {
  if (context instanceof ContextNode) return context;
  return new ContextNode(context.getValue(SPAN), context.getValue(MEMBER_KEY), surroundingsOf(context));
}

/**
 * `trace.setSpan` without the copy: the context with a span in it, cheap to derive more spans' contexts from.
 *
 * @param context any context
 * @param span the span to be active
 */
export function contextWithSpan(context: Context, span: Span): Context {
  if (context instanceof ContextNode) return new ContextNode(span, context.member, context.around);
  try {
    return new ContextNode(span, context.getValue(MEMBER_KEY), surroundingsOf(context));
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
    const around = new Surroundings(baggage, undefined, undefined, remote, undefined, context);
    return new ContextNode(span, undefined, around);
  }
  if (context instanceof ContextNode) {
    const { around } = context;
    return new ContextNode(
      span ?? context.span,
      context.member,
      new Surroundings(
        baggage ?? around.baggage,
        around.owner,
        around.defaults,
        remote,
        around.suppressed,
        around.rest,
      ),
    );
  }
  let next = context.setValue(REMOTE_KEY, remote);
  if (span !== undefined) next = trace.setSpan(next, span);
  return baggage === undefined ? next : propagation.setBaggage(next, baggage);
}
