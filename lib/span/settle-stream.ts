/**
 * Node and web streams: only listened to, never read, paused or resumed.
 */
import { settleAsyncIterable } from './settle-iterator.js';
import { isAsyncIterable, nodeBuiltin } from './settle-kinds.js';
import { override } from './settle-override.js';
import { markObserved, whenDropped, type Observed } from './settle-lazy.js';
import { together, type SpanRun } from './settle-run.js';

/** The part of a Node Readable that is listened to. */
export interface NodeReadable {
  readonly readableEnded?: boolean;
  readonly destroyed?: boolean;
  readonly errored?: unknown;
  once(event: string, listener: () => void): unknown;
  on(event: string | symbol, listener: (error: unknown) => void): unknown;
  removeListener(event: string | symbol, listener: (...args: any[]) => void): unknown;
}

class ObservedStream implements Observed {
  private over: ((run: SpanRun) => void) | undefined;

  constructor(private run: SpanRun) {}

  listen(run: SpanRun): void {
    if (this.over !== undefined) this.over(run);
    else this.run = together([this.run, run]);
  }

  end(how: (run: SpanRun) => void): void {
    if (this.over !== undefined) return;
    this.over = how;
    how(this.run);
  }

  abandon(): void {
    this.end((run) => run.abandon());
  }
}

/** Ends the run with the readable side: `end`, an error, or a close before either. */
export function settleNodeStream(stream: NodeReadable, run: SpanRun): void {
  const observed = new ObservedStream(run);
  const monitor = nodeBuiltin<{ errorMonitor?: symbol }>('node:events')?.errorMonitor;
  const stop = (how: (run: SpanRun) => void): void => {
    stream.removeListener('end', onEnd);
    stream.removeListener('close', onClose);
    if (monitor !== undefined) stream.removeListener(monitor, onError);
    observed.end(how);
  };
  const onEnd = (): void => stop((open) => open.succeed(undefined));
  const onError = (error: unknown): void => stop((open) => failed(open, error));
  const onClose = (): void => stop((open) => closed(open, stream));
  markObserved(stream, observed);
  if (stream.readableEnded === true) return stop((open) => open.succeed(undefined));
  if (stream.destroyed === true) return stop((open) => closed(open, stream));
  // `stream.finished` would take the place of a listener that the user forgot, and swallow the error.
  stream.once('end', onEnd);
  stream.once('close', onClose);
  if (monitor !== undefined) stream.on(monitor, onError);
  whenDropped(stream, observed);
}

function closed(run: SpanRun, stream: NodeReadable): void {
  if (stream.errored !== undefined && stream.errored !== null) failed(run, stream.errored);
  else run.cancel();
}

function failed(run: SpanRun, error: unknown): void {
  // A `break` out of `for await` destroys the stream with it.
  const { name } = (typeof error === 'object' && error !== null ? error : {}) as { name?: unknown };
  if (name === 'AbortError') run.cancel();
  else run.fail(error);
}

type Finished = (stream: object, callback: (error?: unknown) => void) => unknown;

/**
 * Ends the run when the web stream closes, is cancelled or fails.
 *
 * @param stream the stream, which is neither locked nor read
 * @param run the open run of the call
 * @param finished Node's `stream.finished`, which tells so of any web stream; elsewhere only its readers do
 */
export function settleWebStream(
  stream: ReadableStream<unknown>,
  run: SpanRun,
  finished: Finished | null = nodeBuiltin<{ finished?: Finished }>('node:stream')?.finished ?? null,
): void {
  const observed = new ObservedStream(run);
  const closing = (): void => observed.end((open) => open.succeed(undefined));
  const failing = (error: unknown): void => observed.end((open) => failed(open, error));
  try {
    if (finished !== null) {
      finished(stream, (error) => (error === undefined || error === null ? closing() : failing(error)));
      markObserved(stream, observed);
      whenDropped(stream, observed);
      return;
    }
  } catch {
    // Not a stream of the runtime itself.
  }
  if (isAsyncIterable(stream)) settleAsyncIterable(stream, run);
  else whenDropped(stream, observed);
  override(stream, 'getReader', (original, args) => {
    const reader = Reflect.apply(original, stream, args) as { closed?: Promise<unknown> };
    // Its rejection counts as handled by the specification: following it hides nothing.
    reader.closed?.then(closing, failing);
    return reader;
  });
}
