/**
 * Private fields on objects that are there already: an addition that nobody sees, and that costs a tenth of a
 * property that is not enumerable.
 */

/** A base class whose heirs add their fields to the object they are given. */
export class Given {
  constructor(object: object) {
    return object;
  }
}
