/**
 * The registry of live tracers, shared by every copy of this package in the process.
 */
import type { Context } from '@opentelemetry/api';
import { isEmpty } from '../context/context-node.js';
import { warn } from '../diagnostics.js';
import { ownerOf, type SpanOwner } from './owner.js';

interface RegistryState {
  readonly tracers: Map<string, SpanOwner>;
  default: SpanOwner | undefined;
}

const STATE = Symbol.for('spanwise.v1');

// The state never changes place once it is there; asking the global object for it takes 14 ns at each call.
let known: RegistryState | undefined;

function state(): RegistryState {
  if (known !== undefined) return known;
  const holder = globalThis as { [STATE]?: RegistryState };
  return (known = holder[STATE] ??= { tracers: new Map(), default: undefined });
}

/** Whether any tracer is live: where none is, a traced call does nothing but call. */
export function hasTracers(): boolean {
  return state().tracers.size > 0;
}

/**
 * The live tracers by name, and the default one. Both copies of this package in a process (ESM and CommonJS) share it.
 *
 * A name that no live tracer has is reported as `SPW_TRACER_UNKNOWN`; nothing here throws.
 *
 * @example
 * ```ts
 * import { SessionTracer, tracerRegistry } from 'spanwise';
 *
 * SessionTracer.init({ name: 'search', project: 'search' });
 * tracerRegistry.setDefault('search');
 * console.log(tracerRegistry.get('search')?.live); // true
 * ```
 * @category Session
 */
export const tracerRegistry = {
  /**
   * Finds a live tracer.
   *
   * @param name the `name` it was initialised with
   * @returns the tracer, or undefined
   */
  get(name: string): SpanOwner | undefined {
    return state().tracers.get(name);
  },

  /** All live tracers, in the order of their `init`. */
  list(): SpanOwner[] {
    return [...state().tracers.values()];
  },

  /** The tracer that is used where none is named and no span is active: the first one, or as set. */
  get default(): SpanOwner | undefined {
    return state().default;
  },

  /**
   * Makes a live tracer the default.
   *
   * @param tracer a tracer, its name, or undefined for none
   */
  setDefault(tracer: SpanOwner | string | undefined): void {
    const found = typeof tracer === 'string' ? state().tracers.get(tracer) : tracer;
    if (found === undefined && tracer !== undefined) {
      warn('SPW_TRACER_UNKNOWN', `no tracer "${String(tracer)}" is live; call SessionTracer.init first`);
      return;
    }
    state().default = found;
  },

  /**
   * Adds a tracer; the first one becomes the default.
   *
   * @returns false if a tracer of that name is live already
   */
  register(tracer: SpanOwner): boolean {
    const current = state();
    if (current.tracers.has(tracer.name)) return false;
    current.tracers.set(tracer.name, tracer);
    current.default ??= tracer;
    return true;
  },

  /**
   * Takes a tracer out; the oldest remaining one becomes the default if it was that.
   *
   * @param tracer a tracer or its name
   * @returns whether it was registered
   */
  unregister(tracer: SpanOwner | string): boolean {
    const current = state();
    const name = typeof tracer === 'string' ? tracer : tracer.name;
    const found = current.tracers.get(name);
    if (found === undefined || (typeof tracer !== 'string' && found !== tracer)) return false;
    current.tracers.delete(name);
    if (current.default === found) current.default = current.tracers.values().next().value;
    return true;
  },
};

/** How a caller may name a tracer. */
export type TracerChoice = SpanOwner | string | undefined;

/**
 * Finds the tracer of a call: the named one, else the owner of the context, else the default.
 *
 * @param choice an explicit tracer or its name; an unknown name is reported and passed over
 * @param context the context of the call
 */
export function resolveOwner(choice: TracerChoice, context: Context): SpanOwner | undefined {
  if (choice !== undefined) {
    const named = typeof choice === 'string' ? state().tracers.get(choice) : choice;
    if (named !== undefined && named.live) return named;
    const name = typeof choice === 'string' ? choice : choice.name;
    warn('SPW_TRACER_UNKNOWN', `no tracer "${name}" is live; the current one is used`, name);
  }
  return (isEmpty(context) ? undefined : ownerOf(context)) ?? state().default;
}
