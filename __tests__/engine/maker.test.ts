import { ROOT_CONTEXT } from '@opentelemetry/api';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { completeLimits } from '../../lib/engine/environment.js';
import { ended, ending, started, type EngineState } from '../../lib/engine/maker.js';
import { collectDiagnostics, RecordingProcessor } from './support.js';

let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
});

describe('telling the processors', () => {
  test('reaches every one of them, past those that throw', () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    const failing = { onStart: boom, onEnding: boom, onEnd: boom, forceFlush: boom, shutdown: boom };
    const seen = new RecordingProcessor();
    const processors = [failing, seen, failing];
    const state: EngineState = {
      resource: { attributes: {} },
      limits: completeLimits({}, {}),
      processors,
      endingProcessors: processors,
      down: false,
    };
    const span = {};
    started(state, span, ROOT_CONTEXT);
    ending(state, span);
    ended(state, span);
    expect([seen.started, seen.ending, seen.ended]).toEqual([[span], [span], [span]]);
    expect(seen.contexts).toEqual([ROOT_CONTEXT]);
    // Once per kind of call, however many processors fail.
    expect(messages).toHaveLength(3);
  });
});
