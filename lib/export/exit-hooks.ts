/**
 * What happens to waiting spans when the process ends, however it ends.
 *
 * Natural end, `process.exit`, uncaught error, unhandled rejection, SIGTERM and SIGINT: the spans are delivered, for
 * at most the exit timeout, and the process ends with the code or signal it would have had. The hooks exist once in a
 * process, for all pipelines of all copies of this package, and only while a pipeline lives.
 */
import { warnError } from '../diagnostics.js';
import { deliverBlocking, type ExitJob } from './exit-worker.js';
import { builtin, endsWithoutExitEvent, nodeProcess } from './platform.js';

/** A pipeline, as the end of the process sees it. */
export interface ExitParticipant {
  readonly exitTimeoutMs: number;
  /** Spans that are not settled. */
  pending(): number;
  /** Delivers what can be delivered. */
  flush(options: { timeoutMs: number }): Promise<unknown>;
  /** Starts sending, and keeps nothing alive for it. */
  kick(): void;
  /** What a blocking delivery should send. */
  exitJobs(): ExitJob[];
  /** After `exitJobs`: the process goes on after all. */
  survived(): void;
  /** Nothing more can be sent: what is left goes to disk, or is reported. */
  exitOver(): void;
}

type EndSignal = 'SIGTERM' | 'SIGINT';
const SIGNALS: readonly EndSignal[] = ['SIGTERM', 'SIGINT'];

interface State {
  readonly participants: Set<ExitParticipant>;
  remove: (() => void) | undefined;
}

const STATE = Symbol.for('spanwise.v1.exit-hooks');

function state(): State {
  const holder = globalThis as { [STATE]?: State };
  return (holder[STATE] ??= { participants: new Set(), remove: undefined });
}

/** Takes care of a pipeline when the process ends. */
export function joinExit(participant: ExitParticipant): void {
  const { participants } = state();
  participants.add(participant);
  state().remove ??= install(participants);
}

/** The pipeline needs no care any more. */
export function leaveExit(participant: ExitParticipant): void {
  const { participants, remove } = state();
  participants.delete(participant);
  if (participants.size > 0) return;
  remove?.();
  state().remove = undefined;
}

function install(participants: ReadonlySet<ExitParticipant>): (() => void) | undefined {
  const process = nodeProcess;
  if (
    process === undefined ||
    typeof process.on !== 'function' ||
    builtin('node:worker_threads') === undefined
  ) {
    return undefined;
  }
  const hooks = new ExitHooks(process, participants);
  hooks.install();
  return () => hooks.remove();
}

class ExitHooks {
  readonly #process: NodeJS.Process;
  readonly #participants: ReadonlySet<ExitParticipant>;
  /** All parts of one end share one timeout. */
  #until: number | undefined;
  /** A natural end was held up once, and that was enough. */
  #held = false;
  #dying: EndSignal | undefined;

  constructor(process: NodeJS.Process, participants: ReadonlySet<ExitParticipant>) {
    this.#process = process;
    this.#participants = participants;
  }

  install(): void {
    this.#process.on('beforeExit', this.#onBeforeExit);
    this.#process.on('exit', this.#onExit);
    if (endsWithoutExitEvent()) this.#process.on('uncaughtExceptionMonitor', this.#onUncaught);
    // Before others: a `once` listener is not in the list any more after it ran.
    for (const signal of SIGNALS) this.#process.prependListener(signal, this.#onSignal);
  }

  remove(): void {
    this.#process.off('beforeExit', this.#onBeforeExit);
    this.#process.off('exit', this.#onExit);
    this.#process.off('uncaughtExceptionMonitor', this.#onUncaught);
    for (const signal of SIGNALS) this.#process.off(signal, this.#onSignal);
  }

  #rest(): number {
    let timeout = 0;
    for (const { exitTimeoutMs } of this.#participants) timeout = Math.max(timeout, exitTimeoutMs);
    this.#until ??= performance.now() + timeout;
    return Math.min(this.#until - performance.now(), timeout);
  }

  #pending(): ExitParticipant[] {
    return [...this.#participants].filter((participant) => participant.pending() > 0);
  }

  #flush(): Promise<unknown> {
    const timeoutMs = Math.max(0, this.#rest());
    return Promise.all(
      this.#pending().map((participant) =>
        participant.flush({ timeoutMs: Math.min(timeoutMs, participant.exitTimeoutMs) }).catch(() => {}),
      ),
    );
  }

  /**
   * A natural end can wait without a thread. But waiting makes Node emit `beforeExit` again, which a listener of the
   * application would notice: then the `exit` handler does it.
   */
  readonly #onBeforeExit = (): void => {
    if (this.#held || this.#pending().length === 0 || this.#process.listenerCount('beforeExit') > 1) return;
    this.#held = true;
    void this.#flush().then(() => {
      if (this.#pending().length > 0) return;
      // All is delivered: should the process live on after all, its real end gets the same care.
      this.#held = false;
      this.#until = undefined;
    });
  };

  readonly #onExit = (): void => {
    this.#deliverBlocking();
    this.#over();
  };

  /**
   * The last that Deno tells of an uncaught error, also of one that a listener of the global event `error` takes care
   * of: then there is a later.
   */
  readonly #onUncaught = (): void => {
    if (this.#process.listenerCount('uncaughtException') > 0 || this.#pending().length === 0) return;
    this.#deliverBlocking();
    setTimeout(() => {
      this.#until = undefined;
      for (const participant of this.#participants) participant.survived();
    }).unref();
  };

  #deliverBlocking(): void {
    try {
      const rest = this.#rest();
      // Jobs are taken out of their queues, so only if they will be tried.
      if (rest > 0) {
        deliverBlocking(
          this.#pending().flatMap((participant) => participant.exitJobs()),
          rest,
        );
      }
    } catch (error) {
      warnError('SPW_EXPORT', 'spans could not be delivered at exit', error);
    }
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#process.listenerCount(signal) - 1 > passiveListeners(this.#process)) {
      // The application has a handler, and with it the say over its end; `exit` does the rest.
      for (const participant of this.#participants) participant.kick();
      return;
    }
    const impatient = this.#dying !== undefined;
    this.#dying = signal as EndSignal;
    if (impatient || this.#pending().length === 0) this.#die();
    else void this.#flush().then(() => this.#die());
  };

  /** Ends as the signal would have ended the process. */
  #die(): void {
    const signal = this.#dying;
    if (signal === undefined) return;
    this.#dying = undefined;
    this.#over();
    this.#until = undefined;
    for (const each of SIGNALS) this.#process.off(each, this.#onSignal);
    this.#process.kill(this.#process.pid, signal);
    // Still here: the first process of a container ignores signals without a handler.
    setTimeout(() => {
      if (this.#participants.size === 0) return;
      for (const each of SIGNALS) this.#process.prependListener(each, this.#onSignal);
    }, 100).unref();
  }

  #over(): void {
    for (const participant of this.#participants) {
      try {
        participant.exitOver();
      } catch (error) {
        warnError('SPW_INTERNAL', 'a pipeline did not end cleanly', error);
      }
    }
  }
}

/**
 * Listeners that, like ours, only look: the package `signal-exit`, in many tools' dependencies, ends the process when
 * it finds no listeners but its own, so that it and we would wait for each other.
 */
function passiveListeners(process: NodeJS.Process): number {
  const emitters: unknown[] = [
    (globalThis as Record<symbol, unknown>)[Symbol.for('signal-exit emitter')],
    (process as unknown as Record<string, unknown>)['__signal_exit_emitter__'],
  ];
  let count = 0;
  for (const emitter of emitters) {
    const { count: own } = (emitter ?? {}) as { count?: unknown };
    if (typeof own === 'number') count += own;
  }
  return count;
}
