/**
 * Calls to the backend's REST interface, made in the background and waited for by `flush`.
 */
import { warn, describeError } from '../diagnostics.js';

/** The most calls that wait at once; beyond it the newest is given up and reported. */
const MAX_PENDING = 1_000;
/** How long is waited for a backend that nobody configured, in milliseconds: nothing of the user's waits for it. */
const QUIET_WAIT_MS = 1_000;

/** Keeps track of calls under way; a failed one is reported once and never reaches the application. */
export class BackendCalls {
  readonly #pending = new Set<Promise<boolean>>();
  #failed = 0;

  /** @param quiet say nothing about failures: nothing was configured, so nothing is missing */
  constructor(private readonly quiet: boolean) {}

  /**
   * Starts a call.
   *
   * @param what named in the diagnostic, such as "POST /session/start"
   * @param call the call
   * @returns whether the backend took it; never rejects
   */
  run(what: string, call: () => Promise<unknown>): Promise<boolean> {
    if (this.#pending.size >= MAX_PENDING) {
      this.#failed++;
      warn('SPW_BACKEND', `${what} was given up: ${MAX_PENDING} calls are waiting already`, 'pending');
      return Promise.resolve(false);
    }
    const done: Promise<boolean> = call()
      .then(
        () => true,
        (error: unknown) => {
          this.#failed++;
          if (!this.quiet) warn('SPW_BACKEND', `${what} failed: ${describeError(error)}`, what);
          return false;
        },
      )
      .finally(() => this.#pending.delete(done));
    this.#pending.add(done);
    return done;
  }

  /**
   * Waits for the calls under way.
   *
   * @param timeoutMs how long at most
   * @returns false if one is still under way, or any has failed since the last time
   */
  async flush(timeoutMs: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    // The calls keep no process alive; this timer does, for as long as someone waits.
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, this.quiet ? Math.min(timeoutMs, QUIET_WAIT_MS) : timeoutMs, false);
    });
    const done = Promise.all(this.#pending).then(() => true);
    const inTime = await Promise.race([done, late]);
    clearTimeout(timer);
    const ok = inTime && this.#failed === 0;
    this.#failed = 0;
    return ok || this.quiet;
  }
}
