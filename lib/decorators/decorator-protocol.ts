/**
 * The decorator protocols: TC39 standard and legacy `experimentalDecorators`, told apart by the call and turned
 * into one thing, a function wrapped with layers.
 */
import type { Decorator } from './decorator-types.js';
import { decorateClass } from './class-members.js';
import type { Layer, RunLayers } from './layer.js';
import { decorateLegacyMember, type LegacyDescriptor } from './legacy-members.js';
import { classNameOf } from './members.js';
import { isClass, looksLikeClass, place, targetError } from './misuse.js';
import { decorateStandardMember, isStandardContext, scopeOf } from './standard-members.js';

export type { Decorator } from './decorator-types.js';
export type { CallSite, Layer, Member, MemberKind, RunLayers } from './layer.js';
export { functionMember, memberName, sameMember } from './members.js';
export { wrapFunction } from './wrapped.js';

/**
 * Makes a decorator that puts a layer on whatever it stands on.
 *
 * @param layer the layer; one per use of a decorator
 * @param run what runs the calls; the same for all layers
 * @returns a decorator for both protocols
 * @throws SpanwiseError, when it is applied, on a target that cannot be traced
 */
export function createDecorator<This = any, F = any, Target = any, K = any>(
  layer: Layer,
  run: RunLayers,
): Decorator<This, F, Target, K> {
  return (target: unknown, context?: unknown, descriptor?: unknown): any => {
    if (isStandardContext(context)) {
      if (context.kind !== 'class') return decorateStandardMember(target, context, layer, run);
      return onClass(target, scopeOf(context), layer, run);
    }
    if (typeof descriptor === 'number') {
      const owner = typeof target === 'function' ? target : (target as object).constructor;
      const where = place(
        classNameOf(owner, true),
        (context as string | symbol | undefined) ?? 'constructor',
      );
      throw targetError(layer, `parameter ${descriptor} of`, where, 'parameter');
    }
    if (typeof context === 'string' || typeof context === 'symbol') {
      if ((typeof target !== 'object' && typeof target !== 'function') || target === null) {
        throw targetError(
          layer,
          `a ${target === null ? 'null' : typeof target}:`,
          place('', context),
          'value',
        );
      }
      return decorateLegacyMember(target, context, descriptor as LegacyDescriptor | undefined, layer, run);
    }
    return onClass(target, undefined, layer, run);
  };
}

function onClass(target: unknown, scope: object | undefined, layer: Layer, run: RunLayers): void {
  if (looksLikeClass(target)) return decorateClass(target, classNameOf(target, true), scope, layer, run);
  if (typeof target === 'function') {
    throw targetError(layer, 'the function', target.name || '(anonymous)', 'function');
  }
  throw targetError(layer, 'a plain', target === null ? 'null' : typeof target, 'value');
}

/**
 * Whether the arguments of a decorator mean that it was used bare (`@Trace`), not called with options.
 *
 * @param args everything it was called with
 */
export function isBareUse(args: readonly unknown[]): boolean {
  if (args.length >= 2) {
    const key = args[1];
    return isStandardContext(key) || typeof key === 'string' || typeof key === 'symbol' || args.length > 2;
  }
  return args.length === 1 && isClass(args[0]);
}
