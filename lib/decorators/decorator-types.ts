/**
 * The types of the decorators themselves: one call signature that serves standard and legacy decorators.
 *
 * With overloads instead, inference would read the last one only and the other protocol would lose its types.
 * Type parameters default to `any`, so that `const Mine = Trace({ … })` stands on every member.
 */
import type { AnyFunction, HoldsFunction, IsAny, MemberOf, ThisOf } from './member-types.js';
import type { EntryOptions, FromArgs, Payload, TraceOptions } from './options.js';

/** The contexts of standard decorators that can be traced: all but setters and fields without a function. */
export type TraceableContext<This, F> =
  | ClassMethodDecoratorContext<This, F extends AnyFunction ? F : never>
  | ClassGetterDecoratorContext<This, F>
  | (HoldsFunction<F> extends true
      ? ClassFieldDecoratorContext<This, F> | ClassAccessorDecoratorContext<This, F>
      : never)
  | ClassDecoratorContext<F extends abstract new (...args: any) => any ? F : never>;

/** Whether the key says which member it is: a decorator that is passed to a function gets none, or never. */
type IsKnown<K> = [K] extends [never] ? false : IsAny<K> extends true ? false : true;

/** The key of a legacy member. */
type KeyOf<K> = [K] extends [never] ? string | symbol : K & (string | symbol);

/**
 * The descriptor of a legacy member. TypeScript passes none for a field, so that requiring one turns a field
 * without a function away, and nothing else.
 */
type LegacyDescriptor<F, Target, K> =
  IsKnown<K> extends false
    ? [descriptor?: TypedPropertyDescriptor<F>]
    : K extends keyof Target
      ? HoldsFunction<Target[K]> extends true
        ? [descriptor?: TypedPropertyDescriptor<F>]
        : [descriptor: TypedPropertyDescriptor<F>]
      : [descriptor?: TypedPropertyDescriptor<F>];

/**
 * A decorator of Spanwise, ready to stand on a method, a getter, a field that holds a function, an auto-accessor
 * or a class, in TypeScript's standard and legacy modes.
 *
 * @category Decorators
 */
export interface Decorator<This = any, F = any, Target = any, K = any> {
  (
    target: Target,
    context?: KeyOf<K> | TraceableContext<This, F>,
    ...descriptor: LegacyDescriptor<F, Target, K>
  ): any;
}

/** A decorator used without parentheses, on a member. */
export interface BareDecorator {
  (
    target: object | undefined,
    context: string | symbol | TraceableContext<any, any>,
    descriptor?: TypedPropertyDescriptor<any>,
  ): any;
}

/** Options, a name, or options per call, for a member of type `F`. */
type TraceArgument<This, F> =
  string | TraceOptions<This, F> | FromArgs<This, F, string | TraceOptions<This, F>>;

/** The type of `Trace`: `@Trace`, `@Trace()`, `@Trace('name')`, `@Trace(options)`, `@Trace((…args) => options)`. */
export interface TraceFactory extends BareDecorator {
  <This = any, F = any, Target = any, K = any>(
    options?: NoInfer<TraceArgument<ThisOf<This, Target>, MemberOf<F, Target, K>>>,
  ): Decorator<This, F, Target, K>;
}

/** A selector of the carrier, or options, for a member of type `F`. */
type EntryArgument<This, F> = FromArgs<This, F, unknown> | EntryOptions<This, F>;

/** The type of `DistributedEntry`: bare, `()`, `(selector)`, `(options)`. */
export interface DistributedEntryFactory extends BareDecorator {
  <This = any, F = any, Target = any, K = any>(
    options?: NoInfer<EntryArgument<ThisOf<This, Target>, MemberOf<F, Target, K>>>,
  ): Decorator<This, F, Target, K>;
}

/** The type of `Enrich`: always with a payload. */
export interface EnrichFactory {
  <This = any, F = any, Target = any, K = any>(
    payload: NoInfer<Payload<ThisOf<This, Target>, MemberOf<F, Target, K>>>,
  ): Decorator<This, F, Target, K>;
}
