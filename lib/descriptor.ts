/**
 * Property descriptors that inherit nothing.
 *
 * A descriptor is an object like any other: a `get` or `value` that someone has put on `Object.prototype` counts as its
 * own, and then nothing can be defined any more.
 */

/** The same descriptor without a prototype. */
export function alone(descriptor: PropertyDescriptor): PropertyDescriptor {
  return Object.assign(Object.create(null) as object, descriptor);
}
