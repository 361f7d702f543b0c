/** What `init` plays through, so that a process's first request need not wait for it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, expect, it, jest } from '@jest/globals';
import { context, propagation, trace } from '@opentelemetry/api';
import { SessionTracer, withSpan } from '../../lib/index.js';
import { childProgram, removePrograms } from '../support/child-program.js';
import { collectDiagnostics, Recorder, shutdownAll } from '../support/harness.js';

afterAll(removePrograms);
afterEach(shutdownAll);

const run = promisify(execFile);

// Counted, because how long a compiler takes is the machine's business.
it.each(['batch', 'test-mode'])(
  'a process’s first call calls next to nothing for the first time (%s)',
  async (how) => {
    const program = await childProgram('__tests__/session/children/first-call.ts');
    const { stdout } = await run(process.execPath, [program, how], { env: { PATH: process.env['PATH'] } });
    const { entering, tracing } = JSON.parse(stdout) as { entering: string[]; tracing: string[] };
    // Without a rehearsal 85 and 140.
    expect(entering.length).toBeLessThan(15);
    expect(tracing.length).toBeLessThan(25);
  },
);

// One test, because a rehearsal is given once in a process.
it('no span of it, no id and no callback is heard of outside', () => {
  const said = collectDiagnostics();
  const touched = jest.fn((): never => {
    throw new Error('called');
  });
  const recorder = new Recorder();
  const random = jest.spyOn(globalThis.crypto, 'getRandomValues');
  SessionTracer.init({
    project: 'shop',
    testMode: true,
    spanProcessors: [recorder],
    sampler: { shouldSample: touched, toString: () => 'touched' },
    exporter: { export: touched, shutdown: () => Promise.resolve() },
    redact: { custom: touched },
    propagators: [{ inject: touched, extract: touched, fields: () => [] }],
    capture: true,
  });
  expect(touched).not.toHaveBeenCalled();
  expect(recorder.spans).toEqual([]);
  expect(said).toEqual([]);
  expect(trace.getSpan(context.active())).toBeUndefined();
  expect(propagation.getBaggage(context.active())).toBeUndefined();
  // It was given: there was something to make ids for. Of the seed nothing is left.
  expect(random).toHaveBeenCalledTimes(1);
  withSpan('first', () => undefined);
  expect(random).toHaveBeenCalledTimes(2);
  withSpan('second', () => undefined);
  expect(random).toHaveBeenCalledTimes(2);
  random.mockRestore();
});
