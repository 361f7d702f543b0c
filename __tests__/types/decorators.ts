import type {
  DistributedEntryFactory,
  EnrichFactory,
  TraceFactory,
} from '../../lib/decorators/decorator-types.js';

export declare const Trace: TraceFactory;
export declare const DistributedEntry: DistributedEntryFactory;
export declare const Enrich: EnrichFactory;

/** A check that holds only if the value's type is exactly `T`: `is<string>()(value)`. */
export declare function is<T>(): <U>(value: U & (Same<T, U> extends true ? unknown : never)) => void;

export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
