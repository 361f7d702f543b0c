/**
 * Wrappers: functions that stand in for the user's, with the layers our decorators put on it.
 */
import { copyShape } from '../span/function-shape.js';
import { checkFields } from './field-watch.js';
import { keyText, type CallSite, type Layer, type Member, type RunLayers } from './layer.js';

/** What a wrapper was made of. */
export interface Wrapped {
  readonly fn: (...args: any[]) => unknown;
  readonly member: Member;
  readonly run: RunLayers;
  /** Outermost first; replaced as a whole when a decorator is added, so that what is derived can be kept by it. */
  layers: readonly Layer[];
  /** How many of the layers stand on the member itself; the rest came from its class. */
  own: number;
}

/** Wrappers of this copy; those of another copy count as foreign and are joined at the call. */
const wrappers = new WeakMap<object, Wrapped>();

/** What a function was wrapped with, if it is one of our wrappers. */
export function wrappedOf(fn: unknown): Wrapped | undefined {
  return typeof fn === 'function' ? wrappers.get(fn) : undefined;
}

function isWrapper(value: unknown): boolean {
  return wrappedOf(value) !== undefined;
}

const merged = new WeakMap<readonly Layer[], WeakMap<Layer, readonly Layer[]>>();

/** The layers with one more around them; the same array for the same pair, a layer never twice. */
function around(layer: Layer, layers: readonly Layer[]): readonly Layer[] {
  if (layers.includes(layer)) return layers;
  let known = merged.get(layers);
  if (known === undefined) merged.set(layers, (known = new WeakMap()));
  let result = known.get(layer);
  if (result === undefined) known.set(layer, (result = [layer, ...layers]));
  return result;
}

/** One array per layer, so that the instances of a class share it for their fields. */
const NONE: readonly Layer[] = [];

/**
 * Wraps a function, or adds a layer to what is wrapped already.
 *
 * The wrapper carries the name, length, prototype, Reflect metadata and own properties of the function; one
 * without a name gets the member's. What it cannot carry: `util.types.isGeneratorFunction` looks inside the engine
 * and says false.
 *
 * @param fn the user's function, or a wrapper of ours
 * @param member what is decorated
 * @param layer the layer to add around it
 * @param run what runs its calls
 */
export function wrapFunction<F extends (...args: any[]) => any>(
  fn: F,
  member: Member,
  layer: Layer,
  run: RunLayers,
): F {
  return wrapWith(fn, member, (layers) => around(layer, layers), run);
}

/** Wraps like `wrapFunction`, with a layer that finds its own place among those that are there. */
export function wrapWith<F extends (...args: any[]) => any>(
  fn: F,
  member: Member,
  add: (layers: readonly Layer[]) => readonly Layer[],
  run: RunLayers,
): F {
  const inner = wrappers.get(fn);
  const layers = add(inner?.layers ?? NONE);
  return makeWrapper(inner?.fn ?? fn, fn, member, layers, run) as F;
}

/** When each of a field's layers was applied, parallel to the layers. */
const applied = new WeakMap<readonly Layer[], readonly number[]>();
let applications = 0;

/**
 * The place of a decorator's layer among those of its field.
 *
 * Decorators are applied innermost first, but the initializers of a standard field run outermost first, or
 * innermost first with older compilers; so it is the order of application that counts.
 *
 * @param layer the layer of a decorator that is being applied
 * @returns a function that adds it to the field's layers; always the same array for the same layers
 */
export function fieldSlot(layer: Layer): (layers: readonly Layer[]) => readonly Layer[] {
  const order = ++applications;
  const results = new WeakMap<readonly Layer[], readonly Layer[]>();
  return (layers) => {
    if (layers.includes(layer)) return layers;
    let result = results.get(layers);
    if (result === undefined) {
      const orders = applied.get(layers) ?? layers.map(() => 0);
      const inward = orders.findIndex((other) => other < order);
      const at = inward === -1 ? layers.length : inward;
      result = [...layers.slice(0, at), layer, ...layers.slice(at)];
      applied.set(result, [...orders.slice(0, at), order, ...orders.slice(at)]);
      results.set(layers, result);
    }
    return result;
  };
}

/** Adds a layer from the member's class: it stands behind the member's own, which are more specific. */
export function addClassLayer(wrapped: Wrapped, layer: Layer): void {
  if (wrapped.layers.includes(layer)) return;
  wrapped.layers = [...wrapped.layers.slice(0, wrapped.own), layer, ...wrapped.layers.slice(wrapped.own)];
}

/** Adds a layer around a wrapper in place: others may have stored the wrapper or facts about it already. */
export function addLayer(wrapped: Wrapped, layer: Layer): void {
  const layers = around(layer, wrapped.layers);
  if (layers === wrapped.layers) return;
  wrapped.layers = layers;
  wrapped.own++;
}

function makeWrapper(
  fn: (...args: any[]) => unknown,
  looksLike: (...args: any[]) => unknown,
  member: Member,
  layers: readonly Layer[],
  run: RunLayers,
): (...args: any[]) => unknown {
  const wrapped: Wrapped = { fn, member, run, layers, own: layers.length };
  const site: CallSite = { known: undefined };
  // A method, because methods cannot be called with `new`, and have no `prototype` of their own.
  const { wrapper } = {
    wrapper(this: unknown) {
      checkFields(this, isWrapper);
      // eslint-disable-next-line prefer-rest-params
      return run(this, fn, arguments, member, wrapped.layers, site);
    },
  };
  copyShape(looksLike, wrapper, keyText(member.key));
  wrappers.set(wrapper, wrapped);
  return wrapper;
}
