/**
 * The contract between the decorators and what runs their calls.
 */

/** What is decorated; 'function' is a plain function, traced without a class. */
export type MemberKind = 'method' | 'getter' | 'setter' | 'field' | 'accessor' | 'function';

/** What is known of a decorated member; decorators that stand directly on each other share one. */
export interface Member {
  /** 'Class.method' as far as it is known at the definition; see `memberName`. */
  readonly name: string;
  /** The property key; '#x' for private members. */
  readonly key: string | symbol;
  readonly kind: MemberKind;
  readonly static: boolean;
  readonly private: boolean;
  /** The object that declares it: the prototype, or the class for static members; unknown to standard decorators. */
  readonly declaredOn?: object | undefined;
  /** The class's metadata object of a standard decorator's context; tsc has none without `Symbol.metadata`. */
  readonly scope?: object | undefined;
  /** Shared by all members that may be one and the same element, with foreign decorators between their wrappers. */
  readonly place: { members: number };
  /** `access.has` of a standard decorator's context, which some compilers share between stacked decorators. */
  readonly has?: ((object: any) => boolean) | undefined;
}

/** One layer that a decorator adds. */
export interface Layer {
  readonly kind: 'trace' | 'entry' | 'enrich';
  readonly options: any;
}

/**
 * Runs one call of a decorated function.
 *
 * @param self the receiver
 * @param fn the user's function
 * @param args the arguments
 * @param member what is decorated
 * @param layers our decorators on it, outermost first; the same array for every call
 * @param site the wrapper's own place for what its calls have in common
 */
export type RunLayers = (
  self: unknown,
  fn: (...args: any[]) => unknown,
  args: ArrayLike<unknown>,
  member: Member,
  layers: readonly Layer[],
  site: CallSite,
) => unknown;

/** A place at each wrapper, for what runs its calls to remember what every call would find out again. */
export interface CallSite {
  known: unknown;
}

/** What stands for the key in names and messages. */
export function keyText(key: string | symbol): string {
  return typeof key === 'symbol' ? `[${key.description ?? ''}]` : key;
}
