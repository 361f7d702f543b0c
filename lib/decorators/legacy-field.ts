/**
 * Legacy fields: seen when their first value is assigned, by an accessor on the prototype.
 *
 * With `useDefineForClassFields: true` values are defined instead of assigned and never pass by. That cannot be
 * helped from a decorator, so it is looked for and reported with the remedy.
 */
import type { Layer, Member, RunLayers } from './layer.js';
import { holdsFunction } from './misuse.js';
import { wrapFunction } from './wrapped.js';
import { seenField, watchField } from './field-watch.js';
import { alone } from '../descriptor.js';

interface LegacyField {
  readonly target: object;
  readonly key: string | symbol;
  /** Innermost first. */
  readonly layers: Layer[];
}

const fields = new WeakMap<object, LegacyField>();

/** Puts the accessor of a decorated field on its prototype, or class, and returns its descriptor. */
export function decorateLegacyField(
  target: object,
  key: string | symbol,
  member: Member,
  where: string,
  layer: Layer,
  run: RunLayers,
): PropertyDescriptor {
  const layers = [layer];
  const set = function (this: object, value: unknown): void {
    seenField(target, key);
    let held: unknown = value;
    if (holdsFunction(layer, value, where)) {
      held = layers.reduce((fn, each) => wrapFunction(fn, member, each, run), value);
    }
    Object.defineProperty(
      this,
      key,
      alone({ value: held, writable: true, enumerable: true, configurable: true }),
    );
  };
  fields.set(set, { target, key, layers });
  const descriptor = alone({ get: () => undefined, set, enumerable: false, configurable: true });
  Object.defineProperty(target, key, descriptor);
  watchField(target, key, where);
  return descriptor;
}

/** Adds a layer to a field that another decorator of ours has decorated; false if the descriptor is no such field. */
export function joinLegacyField(
  descriptor: PropertyDescriptor,
  target: object,
  key: string | symbol,
  layer: Layer,
): boolean {
  const field = descriptor.set === undefined ? undefined : fields.get(descriptor.set);
  if (field === undefined || field.target !== target || field.key !== key) return false;
  if (!field.layers.includes(layer)) field.layers.push(layer);
  return true;
}
