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
import { DEFAULTS_KEY, MEMBER_KEY, OWNER_KEY, REMOTE_KEY, SERVED_KEY } from './keys.js';

const SPAN = createContextKey('OpenTelemetry Context Key SPAN');
const BAGGAGE = createContextKey('OpenTelemetry Baggage Key');
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** What the stamps of many sessions have in common; the rest of what a stamp is belongs to who makes it. */
export interface StampTemplate {
  /** Whose spans it is for. */
  readonly owner: unknown;
}

/**
 * What the spans of one piece of work have in common: everything of a context but the span and the member.
 *
 * Immutable but for what is remembered of it, so that what is found out once serves all its spans.
 */
export class Surroundings {
  /** The same with the identity of an owner in the baggage, as it was made last; itself, if it has that already. */
  completed: Surroundings | undefined = undefined;
  /** What spans in it are stamped with, as it was put together last. */
  stamp: unknown = undefined;
  /** The same where a template and the session's id say it all. */
  template: StampTemplate | undefined = undefined;
  sessionId: string | undefined = undefined;

  constructor(
    readonly owner: unknown,
    readonly suppressed: unknown,
    readonly baggage: unknown,
    readonly defaults: unknown,
    readonly remote: unknown,
    readonly served: unknown,
    readonly rest: Context,
  ) {}
}

/**
 * A context with a place for each key that tracing uses; other keys live in `rest`, an ordinary context. Nodes do
 * not point at each other, so the hundredth nested span costs what the first did.
 */
export class ContextNode implements Context {
  // What a call needs of its surroundings is here too, and in the order in which it is needed. Where ten thousand
  // sessions take turns, each further object to look into has to be fetched from memory first: it took 250 of 1,000 ns.
  readonly span: unknown;
  readonly member: unknown;
  readonly owner: unknown;
  /** How spans of an owner are stamped here; only where nothing is suppressed and no caller waits for a link. */
  template: StampTemplate | undefined = undefined;
  sessionId: string | undefined = undefined;
  /** The surroundings completed for that owner; undefined where they are so already. */
  inside: Surroundings | undefined = undefined;
  readonly around: Surroundings;

  constructor(span: unknown, member: unknown, around: Surroundings, owner: unknown = around.owner) {
    this.span = span;
    this.member = member;
    this.owner = owner;
    this.around = around;
  }

  getValue(key: symbol): unknown {
    switch (key) {
      case SPAN:
        return this.span;
      case MEMBER_KEY:
        return this.member;
      case BAGGAGE:
        return this.around.baggage;
      case OWNER_KEY:
        return this.owner;
      case DEFAULTS_KEY:
        return this.around.defaults;
      case REMOTE_KEY:
        return this.around.remote;
      case SERVED_KEY:
        return this.around.served;
      case SUPPRESSED:
        return this.template === undefined ? this.around.suppressed : undefined;
      default:
        return this.around.rest.getValue(key);
    }
  }

  setValue(key: symbol, value: unknown): Context {
    const { span, member, around } = this;
    if (key === SPAN) return new ContextNode(value, member, around);
    if (key === MEMBER_KEY) return new ContextNode(span, value, around);
    return new ContextNode(span, member, change(around, key, value));
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
      case SERVED_KEY:
      case SUPPRESSED:
        return this.setValue(key, undefined);
      default: {
        const { baggage, owner, defaults, remote, served, suppressed, rest } = this.around;
        return new ContextNode(
          this.span,
          this.member,
          new Surroundings(owner, suppressed, baggage, defaults, remote, served, rest.deleteValue(key)),
        );
      }
    }
  }
}

/** The same surroundings with another value in one place. */
function change(around: Surroundings, key: symbol, value: unknown): Surroundings {
  const { baggage, owner, defaults, remote, served, suppressed, rest } = around;
  switch (key) {
    case BAGGAGE:
      return new Surroundings(owner, suppressed, value, defaults, remote, served, rest);
    case OWNER_KEY:
      return new Surroundings(value, suppressed, baggage, defaults, remote, served, rest);
    case DEFAULTS_KEY:
      return new Surroundings(owner, suppressed, baggage, value, remote, served, rest);
    case REMOTE_KEY:
      return new Surroundings(owner, suppressed, baggage, defaults, value, served, rest);
    case SERVED_KEY:
      return new Surroundings(owner, suppressed, baggage, defaults, remote, value, rest);
    case SUPPRESSED:
      return new Surroundings(owner, value, baggage, defaults, remote, served, rest);
    default:
      return new Surroundings(
        owner,
        suppressed,
        baggage,
        defaults,
        remote,
        served,
        rest.setValue(key, value),
      );
  }
}

// Every root span starts here.
const ROOT_SURROUNDINGS = new Surroundings(
  undefined,
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
    context.getValue(OWNER_KEY),
    context.getValue(SUPPRESSED),
    context.getValue(BAGGAGE),
    context.getValue(DEFAULTS_KEY),
    context.getValue(REMOTE_KEY),
    context.getValue(SERVED_KEY),
    context,
  );
}

const ROOT_NODE = new ContextNode(undefined, undefined, ROOT_SURROUNDINGS);
// Contexts are immutable: the node of one that is met again is as good as a new one, and knows what was found out.
const nodes = new WeakMap<Context, ContextNode>();

/**
 * The same context as a node, from which others are derived without copying a map; the same node for the same context.
 *
 * @param context any context
 */
export function contextNode(context: Context): ContextNode {
  if (context instanceof ContextNode) return context;
  if (context === ROOT_CONTEXT) return ROOT_NODE;
  let node = nodes.get(context);
  if (node === undefined) {
    node = new ContextNode(context.getValue(SPAN), context.getValue(MEMBER_KEY), surroundingsOf(context));
    nodes.set(context, node);
  }
  return node;
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

// A bundler may bring an API of its own beside the one that the context manager uses, and then there are two roots.
let otherRoot: Context | undefined;

/** Whether a context has nothing in it. */
export function isEmpty(context: Context): boolean {
  if (context === ROOT_CONTEXT || context === otherRoot) return true;
  const { _currentContext: values } = context as { _currentContext?: unknown };
  if (!(values instanceof Map) || values.size > 0) return false;
  otherRoot = context;
  return true;
}

/**
 * The context of a request that enters outside of any other context, in one step.
 *
 * @param owner the tracer it belongs to
 * @param span the caller's span
 * @param baggage what was let in
 * @param remote what is remembered of the caller
 * @param served the request's mark
 * @param defaults what is marked of the baggage, if it is completed with the owner's identity
 */
export function enteredContext(
  owner: unknown,
  span: Span | undefined,
  baggage: Baggage | undefined,
  remote: unknown,
  served: unknown,
  defaults?: unknown,
): ContextNode {
  const around = new Surroundings(owner, undefined, baggage, defaults, remote, served, ROOT_CONTEXT);
  if (defaults !== undefined) around.completed = around;
  return new ContextNode(span, undefined, around);
}

/** The context with another baggage and what is marked of it, in one step. */
export function contextWithMarked(
  { span, member, around }: ContextNode,
  baggage: unknown,
  defaults: unknown,
): ContextNode {
  const { owner, suppressed, remote, served, rest } = around;
  const marked = new Surroundings(owner, suppressed, baggage, defaults, remote, served, rest);
  return new ContextNode(span, member, marked);
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
    const around = new Surroundings(undefined, undefined, baggage, undefined, remote, undefined, context);
    return new ContextNode(span, undefined, around);
  }
  if (context instanceof ContextNode) {
    const { around } = context;
    return new ContextNode(
      span ?? context.span,
      context.member,
      new Surroundings(
        around.owner,
        around.suppressed,
        baggage ?? around.baggage,
        around.defaults,
        remote,
        around.served,
        around.rest,
      ),
    );
  }
  let next = context.setValue(REMOTE_KEY, remote);
  if (span !== undefined) next = trace.setSpan(next, span);
  return baggage === undefined ? next : propagation.setBaggage(next, baggage);
}
