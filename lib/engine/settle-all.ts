/**
 * Flushing and shutting down several processors, of which any may throw, reject or hang.
 */
import { warn, warnError } from '../diagnostics.js';
import type { SpanProcessor } from '../tracer/sdk-contract.js';

/** How long one processor may take, in milliseconds, as in OpenTelemetry's SDK. */
const TIMEOUT_MS = 30_000;

/**
 * Runs an operation of every processor at once and waits for all of them; never rejects.
 *
 * @param processors whose operation runs
 * @param operation `forceFlush` or `shutdown`
 * @param timeoutMs how long one processor may take, in milliseconds
 */
export async function settleAll(
  processors: readonly SpanProcessor[],
  operation: 'forceFlush' | 'shutdown',
  timeoutMs: number = TIMEOUT_MS,
): Promise<void> {
  await Promise.all(processors.map((processor) => settleOne(processor, operation, timeoutMs)));
}

async function settleOne(
  processor: SpanProcessor,
  operation: 'forceFlush' | 'shutdown',
  timeoutMs: number,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<true>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, true);
    });
    const done = Promise.resolve(processor[operation]()).then(() => false as const);
    if (await Promise.race([done, late])) {
      warn(
        'SPW_EXPORT',
        `a span processor's ${operation} took longer than ${timeoutMs} ms; going on`,
        operation,
      );
    }
  } catch (error) {
    warnError('SPW_EXPORT', `a span processor's ${operation} failed`, error);
  } finally {
    clearTimeout(timer);
  }
}
