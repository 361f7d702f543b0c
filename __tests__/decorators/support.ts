import { diag } from '@opentelemetry/api';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import {
  memberName,
  type Layer,
  type Member,
  type RunLayers,
} from '../../lib/decorators/decorator-protocol.js';
import { createDecorator, type Decorator } from '../../lib/decorators/decorator-protocol.js';
import { collectDiagnostics } from '../support/diagnostics.js';

/** One call as the protocol handed it over. */
export interface Seen {
  name: string;
  labels: string[];
  self: unknown;
  args: unknown[];
  member: Member;
  layers: readonly Layer[];
}

/** A stand-in for what the decorators do with calls: it writes them down and goes on. */
export function recorder() {
  const seen: Seen[] = [];
  const run: RunLayers = (self, fn, args, member, layers) => {
    seen.push({
      name: memberName(member, self),
      labels: layers.map(({ options }) => options as string),
      self,
      args: Array.from(args),
      member,
      layers,
    });
    return Reflect.apply(fn, self, args as unknown[]);
  };
  /** A decorator whose layer is called `label`. */
  const mark = <This = any, F = any, Target = any, K = any>(
    label = 'trace',
    kind: Layer['kind'] = 'trace',
  ): Decorator<This, F, Target, K> => createDecorator<This, F, Target, K>({ kind, options: label }, run);
  return { seen, run, mark, names: () => seen.map(({ name }) => name) };
}

/** A decorator of someone else for both protocols: it wraps and knows nothing of ours. */
export function foreign(...args: any[]): any {
  const around = (fn: (...args: any[]) => any) =>
    function (this: unknown, ...given: unknown[]) {
      return fn.apply(this, given);
    };
  const [target, context, descriptor] = args;
  if (typeof context === 'object' && context !== null) {
    if (context.kind === 'field') return (value: any) => around(value);
    return around(target);
  }
  if (descriptor?.value !== undefined) descriptor.value = around(descriptor.value);
  else if (descriptor?.get !== undefined) descriptor.get = around(descriptor.get);
  return descriptor;
}

/** Everything that diagnostics say from now on, until `silence`. */
export function listen(): string[] {
  return collectDiagnostics();
}

export function silence(): void {
  diag.disable();
  resetDiagnostics();
}
