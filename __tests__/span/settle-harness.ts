/** Runs that write down what is done to them, and a stand-in for a traced method. */
import { context, createContextKey, type Context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isGeneratorFunction, settle, settleGenerator, type SpanRun } from '../../lib/span/settle.js';

const RUN_KEY = createContextKey('test run');

/** Installs a context manager for this test file. */
export function useContexts(): void {
  context.disable();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

export interface Ended {
  how: 'succeed' | 'fail' | 'cancel' | 'abandon';
  value?: unknown;
}

export class RecordedRun implements SpanRun {
  readonly context: Context;
  readonly ends: Ended[] = [];
  readonly collect: ((chunk: unknown) => void) | undefined;
  readonly chunks: unknown[] = [];
  constructor(
    readonly recorder: Recorder,
    readonly name: string,
    private readonly parent: Context,
    private readonly aggregate: boolean,
  ) {
    this.context = parent.setValue(RUN_KEY, name);
    if (aggregate) this.collect = (chunk) => void this.chunks.push(chunk);
    recorder.runs.push(this);
  }
  succeed(value: unknown): void {
    this.ends.push({ how: 'succeed', value });
  }
  fail(value: unknown): void {
    this.ends.push({ how: 'fail', value });
  }
  cancel(): void {
    this.ends.push({ how: 'cancel' });
  }
  abandon(): void {
    this.ends.push({ how: 'abandon' });
  }
  again(): SpanRun {
    return new RecordedRun(this.recorder, `${this.name}+`, this.parent, this.aggregate);
  }
}

/** The name of the run that is active here. */
export function active(): string | undefined {
  return context.active().getValue(RUN_KEY) as string | undefined;
}

/** Runs `fn` in a context that is not the body's, as a consumer would. */
export function inConsumer<T>(fn: () => T): T {
  return context.with(context.active().setValue(RUN_KEY, 'consumer'), fn);
}

export class Recorder {
  readonly runs: RecordedRun[] = [];

  /** What the decorator makes of a function. */
  trace<F extends (...args: any[]) => any>(fn: F, name = 'body', aggregate = false): F {
    const begin = (parent: Context): RecordedRun => new RecordedRun(this, name, parent, aggregate);
    return function (this: unknown, ...args: unknown[]) {
      const parent = context.active();
      if (isGeneratorFunction(fn)) {
        return settleGenerator(Reflect.apply(fn, this, args), () => begin(parent));
      }
      const run = begin(parent);
      let result: unknown;
      try {
        result = context.with(run.context, () => Reflect.apply(fn, this, args));
      } catch (error) {
        run.fail(error);
        throw error;
      }
      return settle(result, run);
    } as F;
  }

  /** How each run ended, in the order they began; `open` for those that did not. */
  get ends(): string[] {
    return this.runs.map((run) => run.ends.map((end) => end.how).join('+') || 'open');
  }

  /** The value that the n-th run ended with. */
  value(index = 0): unknown {
    return this.runs[index]?.ends[0]?.value;
  }
}

/** Lets everything run that is due now, timers aside. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
