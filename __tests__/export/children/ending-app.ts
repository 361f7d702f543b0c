/** An application that ends 100 spans and then itself, in the way that `HOW` says. */
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { ExportPipeline } from '../../../lib/export/pipeline.js';
import { makeSpan } from '../make-span.js';

const { URL: url = '', HOW = '', SPOOL, COUNT = '100', TIMEOUT, PROTOCOL, DELAY = '60000' } = process.env;
const say = (message: string): void => void process.stderr.write(`diag: ${message}\n`);
diag.setLogger({ error: say, warn: say, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);

/** Makes this a process as Deno's are: an uncaught error ends it without the event `exit`. */
function withoutExitEvent(): void {
  (globalThis as { Deno?: object }).Deno = {};
  const emit = process.emit as (event: string, ...args: unknown[]) => boolean;
  process.emit = ((event: string, ...args: unknown[]) =>
    event === 'exit' ? false : emit.call(process, event, ...args)) as typeof process.emit;
}

if (HOW.endsWith('without an exit event')) withoutExitEvent();

const pipeline = new ExportPipeline({
  url,
  scheduledDelayMs: Number(DELAY),
  spool: SPOOL,
  protocol: PROTOCOL as 'http/json' | undefined,
  exitTimeoutMs: TIMEOUT === undefined ? undefined : Number(TIMEOUT),
  onDrop: (count, reason) => console.log(`lost ${count}: ${reason}`),
});

for (let i = 0; i < Number(COUNT); i++) pipeline.onEnd(makeSpan(`span-${i}`));

const keepAlive = (): unknown => setInterval(() => {}, 1_000);
const ways: Record<string, () => void> = {
  natural: () => {},
  'natural later': () => void setTimeout(() => {}, 500),
  'natural with a listener': () => process.on('beforeExit', () => console.log('beforeExit')),
  'exit code': () => void (process.exitCode = 3),
  'process.exit': () => process.exit(5),
  'uncaught error': () => {
    throw new Error('nobody catches me');
  },
  'uncaught error without an exit event': () => {
    throw new Error('nobody catches me');
  },
  'error that is forgiven without an exit event': () => {
    // Deno tells of an error that a listener of the global `error` event has taken care of.
    (process.emit as (event: string, error: Error) => boolean)(
      'uncaughtExceptionMonitor',
      new Error('forgiven'),
    );
    pipeline.onEnd(makeSpan('after'));
    setTimeout(() => void pipeline.flush().then(({ ok }) => console.log(`flushed ${ok}`)), 50);
  },
  'uncaught error with a handler': () => {
    process.on('uncaughtException', () => process.exit(9));
    throw new Error('caught at last');
  },
  'unhandled rejection': () => void Promise.reject(new Error('nobody handles me')),
  'unhandled rejection with a handler': () => {
    process.on('unhandledRejection', () => console.log('handled'));
    void Promise.reject(new Error('handled at last'));
  },
  'unsettled await': () => {},
  'signal without a handler': () => void keepAlive(),
  'signal with a handler that exits': () => {
    keepAlive();
    process.once('SIGTERM', () => process.exit(7));
    process.once('SIGINT', () => process.exit(7));
  },
  'signal with a handler that closes': () => {
    const timer = setInterval(() => {}, 1_000);
    const close = (): void => clearInterval(timer);
    process.on('SIGTERM', close);
    process.on('SIGINT', close);
  },
  'signal with a handler that raises it again': () => {
    keepAlive();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => process.kill(process.pid, signal));
    }
  },
  'signal with a handler that goes on': () => {
    keepAlive();
    process.on('SIGTERM', () => console.log('got it'));
    process.on('SIGINT', () => console.log('got it'));
  },
  'signal beside signal-exit': () => {
    keepAlive();
    // What the package does, in short.
    const emitter = { count: 1 };
    (globalThis as any)[Symbol.for('signal-exit emitter')] = emitter;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const listener = (): void => {
        if (process.listeners(signal).length !== emitter.count) return;
        console.log('signal-exit runs');
        process.off(signal, listener);
        process.kill(process.pid, signal);
      };
      process.on(signal, listener);
    }
  },
  'after a shutdown': () => {
    keepAlive();
    void pipeline.shutdown().then(() => console.log('listeners', process.listenerCount('SIGTERM')));
  },
  SIGKILL: () => process.kill(process.pid, 'SIGKILL'),
  stay: () => void keepAlive(),
};

(ways[HOW] as () => void)();
console.log('ready');
