export { DistributedEntry } from '../../lib/decorators/distributed-entry.js';
export { Enrich } from '../../lib/decorators/enrich.js';
export { Trace } from '../../lib/decorators/trace.js';

/** A check that holds only if the value's type is exactly `T`: `is<string>()(value)`. */
export declare function is<T>(): <U>(value: U & (Same<T, U> extends true ? unknown : never)) => void;

export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
