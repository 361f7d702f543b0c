import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { settleAll } from '../../lib/engine/settle-all.js';
import type { SpanProcessor } from '../../lib/tracer/sdk-contract.js';
import { collectDiagnostics, RecordingProcessor } from './support.js';

let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
});

const flushing = (forceFlush: () => unknown): SpanProcessor =>
  Object.assign(new RecordingProcessor(), { forceFlush }) as unknown as SpanProcessor;

describe('settleAll', () => {
  test('waits for all of them', async () => {
    let done = 0;
    const slow = flushing(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      done++;
    });
    await settleAll([slow, slow], 'forceFlush');
    expect(done).toBe(2);
  });

  test('leaves no timer behind that would keep a process alive', async () => {
    jest.useFakeTimers();
    try {
      await settleAll([new RecordingProcessor()], 'shutdown');
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test('reports those that throw, reject or hang, and takes those that return nothing', async () => {
    const recorder = new RecordingProcessor();
    const processors = [
      flushing(() => {
        throw new Error('threw');
      }),
      flushing(() => Promise.reject(new Error('rejected'))),
      flushing(() => new Promise(() => {})),
      flushing(() => undefined),
      recorder,
    ];
    await settleAll(processors, 'forceFlush', 10);
    expect(recorder.calls).toEqual(['forceFlush']);
    expect(messages.map((line) => /threw|longer than 10 ms/.exec(line)?.[0])).toEqual([
      'threw',
      'longer than 10 ms',
    ]);
  });
});
