import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { resolveOptions } from '../../lib/session/options.js';
import { collectDiagnostics } from '../support/diagnostics.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('resolveOptions', () => {
  let said: string[];
  beforeEach(() => {
    said = collectDiagnostics();
  });
  afterEach(() => diag.disable());

  it('has a default for everything', () => {
    const config = resolveOptions({}, {});
    expect(config.name).toBe('default');
    expect(config.identity).toMatchObject({ source: 'dev', sessionName: 'default' });
    expect(config.identity.sessionId).toMatch(UUID);
    expect(config.identity.project).toBeUndefined();
    expect(config.settings).toMatchObject({
      capture: { inputs: false, outputs: false },
      trust: 'continue',
      newSession: false,
      propagateTo: undefined,
      baggageAttributes: [],
      honeyHiveCompatible: false,
      autoSession: false,
      followsParent: true,
      stampAtStart: false,
    });
    expect(typeof config.settings.redact).toBe('function');
    expect(config.spanLimits).toEqual({
      attributeCountLimit: 1_024,
      eventCountLimit: 1_024,
      linkCountLimit: 128,
    });
    expect(said).toEqual([]);
  });

  it('does without a session of its own where no random numbers are to be had yet', () => {
    // As in workerd outside of a request.
    const { randomUUID } = globalThis.crypto;
    Object.defineProperty(globalThis.crypto, 'randomUUID', {
      configurable: true,
      value: () => {
        throw new Error('Disallowed operation called within global scope');
      },
    });
    try {
      const config = resolveOptions({ project: 'shop' }, {});
      expect(config.identity.sessionId).toBeUndefined();
      expect(config.settings.autoSession).toBe(true);
    } finally {
      Object.defineProperty(globalThis.crypto, 'randomUUID', { configurable: true, value: randomUUID });
    }
    expect(said).toEqual([expect.stringMatching(/SPW_SESSION_ID.*inside a request/)]);
  });

  it('takes options before environment, and only prefixed names of it', () => {
    const env = {
      HH_PROJECT: 'env-project',
      HH_SOURCE: 'env-source',
      HH_SESSION_NAME: 'env-name',
      HH_TEST_MODE: 'TRUE',
      HH_MAX_ATTRIBUTES: '7',
      PROJECT: 'leak',
      SOURCE: 'leak',
      SESSION_ID: 'leak',
    };
    const fromEnv = resolveOptions({}, env);
    expect(fromEnv.identity).toMatchObject({
      project: 'env-project',
      source: 'env-source',
      sessionName: 'env-name',
    });
    expect(fromEnv.testMode).toBe(true);
    expect(fromEnv.spanLimits.attributeCountLimit).toBe(7);
    expect(JSON.stringify(fromEnv.identity)).not.toContain('leak');
    const given = resolveOptions(
      { project: 'p', source: 's', sessionName: 'n', testMode: false, name: 'x' },
      env,
    );
    expect([given.name, given.identity.project, given.identity.source, given.identity.sessionName]).toEqual([
      'x',
      'p',
      's',
      'n',
    ]);
    expect(given.testMode).toBe(false);
  });

  it('names the tracer after its project', () => {
    expect(resolveOptions({ project: 'shop' }, {}).name).toBe('shop');
  });

  it('reads an experiment from options or environment, metadata as text', () => {
    const env = { HH_EXPERIMENT_ID: 'e', HH_EXPERIMENT_METADATA: '{"key":"value","num":42,"deep":{"a":1}}' };
    expect(resolveOptions({ experiment: { name: 'n' } }, env).settings.fixedAttributes).toEqual({
      'honeyhive.experiment_id': 'e',
      'honeyhive.experiment_name': 'n',
      'honeyhive.experiment_metadata.key': 'value',
      'honeyhive.experiment_metadata.num': '42',
      'honeyhive.experiment_metadata.deep': '{"a":1}',
    });
    expect(resolveOptions({}, { HH_EXPERIMENT_METADATA: '{' }).settings.fixedAttributes).toEqual({});
    expect(said.join()).toContain('HH_EXPERIMENT_METADATA');
  });

  it('writes what older HoneyHive backends read when the backend is HoneyHive, or on request', () => {
    expect(resolveOptions({ apiKey: 'k' }, {}).settings.honeyHiveCompatible).toBe(true);
    expect(resolveOptions({ apiKey: 'k', conventions: 'otel' }, {}).settings.honeyHiveCompatible).toBe(false);
    expect(resolveOptions({ conventions: 'honeyhive' }, {}).settings.honeyHiveCompatible).toBe(true);
  });

  it('has no session of its own with skipBackendSessionCreation, unless one is given', () => {
    const auto = resolveOptions({ skipBackendSessionCreation: true, serverUrl: 'http://127.0.0.1:1' }, {});
    expect([auto.identity.sessionId, auto.settings.autoSession, auto.announces]).toEqual([
      undefined,
      true,
      false,
    ]);
    const sessionId = '0b6c4a3e-9d1f-4a5b-8c7d-1e2f3a4b5c6d';
    const given = resolveOptions({ skipBackendSessionCreation: true, sessionId }, {});
    expect([given.identity.sessionId, given.settings.autoSession]).toEqual([sessionId, false]);
  });

  it('adds further spellings of the identity keys behind the usual ones', () => {
    const { keys } = resolveOptions({ identityKeys: { session: ['x-session'] } }, {}).identity;
    expect(keys.session[0]).toBe('session_id');
    expect(keys.session).toContain('x-session');
    expect(keys.project).toEqual(['project', 'honeyhive_project', 'honeyhive.project']);
  });

  it("follows OpenTelemetry's switch for message content", () => {
    const name = 'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT';
    expect(resolveOptions({}, {}).settings.messageContent).toBeUndefined();
    expect(resolveOptions({}, { [name]: 'true' }).settings.messageContent).toBe(true);
    expect(resolveOptions({}, { [name]: 'false' }).settings.messageContent).toBe(false);
  });

  it('can record everything, or only one side', () => {
    expect(resolveOptions({ capture: true }, {}).settings.capture).toEqual({ inputs: true, outputs: true });
    expect(resolveOptions({ capture: { outputs: true } }, {}).settings.capture).toEqual({
      inputs: false,
      outputs: true,
    });
    expect(resolveOptions({ redact: false }, {}).settings.redact).toBeUndefined();
  });

  it.each(['__proto__', 'constructor', 'toString'])(
    'names %s as an unknown option and takes nothing from it',
    (key) => {
      const options = Object.defineProperty({}, key, { enumerable: true, value: { project: 'evil' } });
      const config = resolveOptions(options, {});
      expect(config.identity.project).toBeUndefined();
      expect(said.join()).toContain(`"${key}"`);
    },
  );
});
