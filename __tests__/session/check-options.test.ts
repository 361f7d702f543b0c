/** `init` with anything at all in the place of its options: it never throws, and says what it did not use. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { injectContextIntoCarrier, SessionTracer, trace } from '../../lib/index.js';
import { checkOptions } from '../../lib/session/check-options.js';
import { childProgram, removePrograms } from '../support/child-program.js';
import { TEST_ENGINE } from '../support/engine.js';
import { collectDiagnostics, Recorder, shutdownAll } from '../support/harness.js';
import { holds, is } from '../support/quick.js';
import { anyValue, boom, OPTION_NAMES } from './any-value.js';

const runs = Number(process.env['SPANWISE_PROPERTY_RUNS'] ?? 500);
const TIMEOUT = 30_000 + (runs / 100_000) * 600_000;

let said: string[];
beforeEach(() => {
  said = collectDiagnostics();
});
afterEach(shutdownAll);
afterAll(removePrograms);

const init = (options: unknown): SessionTracer => SessionTracer.init(options as never);

it(
  'any value of any option: a tracer comes back, the call is made, and nothing throws',
  async () => {
    // In a process of its own: Jest makes the list of loaded modules, which each `init` asks for, slow to read.
    const program = await childProgram('__tests__/session/children/any-options.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [program, TEST_ENGINE, `${runs}`], {
      env: { PATH: process.env['PATH'] },
    });
    expect(stdout).toBe(`${runs} runs`);
  },
  TIMEOUT,
);

it(
  'anything in the place of the options, too',
  () => {
    fc.assert(
      fc.property(anyValue, (make) => {
        const given = make();
        const checked = checkOptions(given);
        is(Object.getPrototypeOf(checked), null);
        holds(
          Object.keys(checked).every((name) => OPTION_NAMES.includes(name)),
          checked,
        );
      }),
      { numRuns: runs },
    );
  },
  TIMEOUT,
);

describe('what is no value of an option is said, and', () => {
  it.each<[string, unknown, string]>([
    ['project', 5, 'project is not a string; it is passed over'],
    ['name', {}, 'name is not a string; it is passed over'],
    ['headers', { a: 1 }, 'headers.a is not a string; it is passed over'],
    ['exporter', {}, 'exporter is not an object with export; it is passed over'],
    ['spanProcessors', [{}], 'spanProcessors[0] is not an object with onStart, onEnd; it is passed over'],
    ['provider', boom, 'provider is not an object with getTracer; it is passed over'],
    ['engine', 'otel', 'engine is not one of sdk, spanwise; it is passed over'],
    ['sampler', 0.5, 'sampler is not an object with shouldSample; it is passed over'],
    [
      'spanLimits',
      { attributeCountLimit: '9' },
      'spanLimits.attributeCountLimit is not a number of at least 0',
    ],
    ['capture', 'all', 'capture is not a boolean or { inputs, outputs }; it is passed over'],
    ['identityKeys', { session: 'sid' }, 'identityKeys.session is not a list of a string; it is passed over'],
    ['resource', 'shop', 'resource is not an object of attributes; it is passed over'],
    ['experiment', { id: {} }, 'experiment.id is not a string, number or boolean; it is passed over'],
    ['conventions', 'otlp', 'conventions is not one of honeyhive, otel; it is passed over'],
  ])('%s is passed over', (name, given, message) => {
    const tracer = init({ [name]: given, testMode: true, sessionId: '00000000-0000-4000-8000-000000000001' });
    expect(tracer.live).toBe(true);
    expect(said).toEqual([expect.stringContaining(`[SPW_OPTION] ${message}`)]);
  });

  it('nothing is trusted or sent in its place', () => {
    expect(checkOptions({ trust: 'contniue' }).trust).toBe('restart');
    expect(checkOptions({ propagateTo: 'example.com' }).propagateTo).toEqual([]);
    expect(checkOptions({ testMode: 'yes' }).testMode).toBe(true);
    expect(said).toHaveLength(3);
    const sent = injectContextIntoCarrier(
      {},
      { tracer: init({ propagateTo: 'example.com', testMode: true }) },
    );
    expect(sent).not.toHaveProperty('baggage');
  });

  it('an option that throws is as good as one that is not there', () => {
    const given = {
      project: 'shop',
      get source(): string {
        return boom();
      },
    };
    expect(checkOptions(given)).toEqual({ project: 'shop' });
    expect(said).toEqual([expect.stringContaining('source could not be read (boom) and is not a string')]);
  });

  it('what is no object at all has no options', () => {
    for (const given of [5, 'shop', true, Symbol('x'), boom]) expect(checkOptions(given)).toEqual({});
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('init takes an object of options, not a number; none is used');
  });

  it('a provider that fails makes no spans, and calls go on', () => {
    const recorder = new Recorder();
    init({ provider: { getTracer: boom }, spanProcessors: [recorder], testMode: true });
    expect(trace(() => 7, { name: 'work' })()).toBe(7);
    expect(recorder.spans).toEqual([]);
    expect(said.join()).toContain('the provider failed to give a tracer, so no spans are made: boom');
  });
});

it('an option is looked for on the options only, and not on the prototype of all objects', () => {
  Object.defineProperty(Object.prototype, 'endpoint', { value: 'http://evil.example', configurable: true });
  try {
    expect(checkOptions({ project: 'shop' }).endpoint).toBeUndefined();
    class Options {
      get project(): string {
        return 'inherited';
      }
    }
    expect(checkOptions(new Options()).project).toBe('inherited');
  } finally {
    delete (Object.prototype as { endpoint?: string }).endpoint;
  }
});
