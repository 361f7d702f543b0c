/**
 * What the type of a decorated member says about its calls.
 *
 * `F` is always the whole type of the member: the method's or the field's function, or the value of a getter.
 */

/** Any function at all. */
export type AnyFunction = (...args: any[]) => any;

/** Whether a type is `any`, which is what a decorator knows that was made away from its member. */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/** Whether a field of this type can hold a function. */
export type HoldsFunction<F> = [Extract<F, AnyFunction>] extends [never]
  ? AnyFunction extends F
    ? true
    : false
  : true;

/**
 * The arguments of the member's calls; a getter has none. Of overloads it is the implementation under the standard
 * protocol, and the last one under the legacy protocol.
 */
export type ArgsOf<F> =
  IsAny<F> extends true
    ? any[]
    : [Extract<F, AnyFunction>] extends [never]
      ? []
      : Extract<F, AnyFunction> extends (...args: infer A) => any
        ? A
        : [];

/**
 * What `outputs` and `metrics` receive: the settled result, or the value of a getter.
 * For generators and streams it is what `aggregate` returned, which only the user knows.
 */
export type ResultOf<F> =
  IsAny<F> extends true
    ? any
    : [Extract<F, AnyFunction>] extends [never]
      ? Settled<F>
      : Extract<F, AnyFunction> extends (...args: any) => infer R
        ? Settled<R>
        : any;

type Settled<R> = [ChunkIn<Awaited<R>>] extends [never] ? Awaited<R> : any;

/** What `aggregate` receives one by one: chunks of a generator, an async iterable, an Observable or a stream. */
export type ChunkOf<F> =
  IsAny<F> extends true
    ? any
    : Extract<F, AnyFunction> extends (...args: any) => infer R
      ? OrAny<ChunkIn<Awaited<R>>>
      : OrAny<ChunkIn<Awaited<F>>>;

type OrAny<T> = [T] extends [never] ? any : T;

/** The chunk type of a lazy value, or never; arrays and strings are values, although they can be iterated. */
type ChunkIn<R> =
  IsAny<R> extends true
    ? never
    : R extends AsyncIterable<infer C>
      ? C
      : R extends Iterator<infer C, any, any>
        ? C
        : R extends { subscribe(observer: { next?: (value: infer C) => void }): unknown; pipe: AnyFunction }
          ? C
          : never;

/** The receiver of the calls: known as `this` to standard decorators, as the target to legacy ones. */
export type ThisOf<This, Target> = unknown extends This ? Target : This;

/**
 * The member's type, from whatever the protocol tells: standard decorators get the function itself as target
 * and a field's type through the context; legacy ones get a descriptor, or for a field its key only.
 * `any` where nothing is told, as in `applyDecorators(Trace())`.
 */
export type MemberOf<F, Target, K> =
  IsAny<Target> extends true
    ? F
    : Target extends AnyFunction
      ? Target
      : unknown extends F
        ? [K] extends [never]
          ? any
          : K extends keyof Target
            ? Target[K]
            : any
        : F;
