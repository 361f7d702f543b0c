import { describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import * as conventions from '../lib/conventions.js';

const strings = Object.entries<unknown>(conventions).filter(
  (entry): entry is [string, string] => typeof entry[1] === 'string',
);

/**
 * The names as HoneyHive's senders and backend write them. They are repeated here on purpose: a slip of the pen in
 * `conventions.ts` would be read by every module alike and show nowhere else.
 */
describe('the wire contract', () => {
  it('spells identity with dots', () => {
    expect(conventions).toMatchObject({
      ATTR_SESSION_ID: 'honeyhive.session_id',
      ATTR_PROJECT: 'honeyhive.project',
      ATTR_SOURCE: 'honeyhive.source',
      ATTR_PARENT_ID: 'honeyhive.parent_id',
      ATTR_SESSION_NAME: 'honeyhive.session_name',
      ATTR_SESSION_AUTO_CREATE: 'honeyhive.session_auto_create',
      ATTR_EXPERIMENT_ID: 'honeyhive.experiment_id',
      ATTR_EXPERIMENT_NAME: 'honeyhive.experiment_name',
      ATTR_EXPERIMENT_VARIANT: 'honeyhive.experiment_variant',
      ATTR_EXPERIMENT_GROUP: 'honeyhive.experiment_group',
      ATTR_EXPERIMENT_METADATA: 'honeyhive.experiment_metadata',
      ATTR_OTEL_SESSION_ID: 'session.id',
      TRACELOOP_PREFIX: 'traceloop.association.properties.',
      BAGGAGE_ATTRIBUTE_PREFIX: 'baggage.',
    });
  });

  it('spells the event with underscores', () => {
    expect(conventions).toMatchObject({
      ATTR_EVENT_TYPE: 'honeyhive_event_type',
      ATTR_EVENT_TYPE_RAW: 'honeyhive_event_type_raw',
      ATTR_EVENT_NAME: 'honeyhive_event_name',
      ATTR_EVENT_ID: 'honeyhive_event_id',
      ATTR_ERROR: 'honeyhive_error',
      ATTR_ERROR_TYPE: 'honeyhive_error_type',
      ATTR_DURATION_MS: 'honeyhive_duration_ms',
    });
    expect(conventions.PAYLOAD_NAMESPACES).toEqual({
      inputs: 'honeyhive_inputs',
      outputs: 'honeyhive_outputs',
      metadata: 'honeyhive_metadata',
      metrics: 'honeyhive_metrics',
      feedback: 'honeyhive_feedback',
      config: 'honeyhive_config',
      userProperties: 'honeyhive_user_properties',
    });
    expect(conventions.EXPERIMENT_BAGGAGE_ATTRIBUTES).toEqual({
      run_id: 'honeyhive_metadata.run_id',
      dataset_id: 'honeyhive_metadata.dataset_id',
      datapoint_id: 'honeyhive_metadata.datapoint_id',
    });
    expect(conventions.EVENT_TYPES).toEqual(['model', 'tool', 'chain', 'session']);
  });

  it('writes the usual attributes out under the same names', () => {
    const unowned = {
      [conventions.ATTR_SESSION_ID]: 's',
      [conventions.ATTR_OTEL_SESSION_ID]: 's',
      [conventions.ATTR_SOURCE]: 'o',
      [conventions.ATTR_EVENT_TYPE]: 'tool',
    };
    const usual = { ...unowned, [conventions.ATTR_PROJECT]: 'p' };
    expect(conventions.stampedAttributes('s', undefined, 'o', 'tool')).toEqual(unowned);
    expect(conventions.stampedAttributes('s', 'p', 'o', 'tool')).toEqual(usual);
    expect(conventions.compatibleAttributes('s', 'p', 'o', 'tool')).toEqual({
      ...usual,
      [conventions.TRACELOOP_PREFIX + conventions.BAGGAGE_SESSION_ID]: 's',
      [conventions.TRACELOOP_PREFIX + conventions.BAGGAGE_PROJECT]: 'p',
      [conventions.TRACELOOP_PREFIX + conventions.BAGGAGE_SOURCE]: 'o',
    });
  });

  it('understands the variants of session, project and source, the canonical one first', () => {
    expect(conventions.IDENTITY_KEY_VARIANTS).toEqual({
      session: ['session_id', 'honeyhive_session_id', 'honeyhive.session_id', 'session.id'],
      project: ['project', 'honeyhive_project', 'honeyhive.project'],
      source: ['source', 'honeyhive_source', 'honeyhive.source'],
    });
  });

  it('keeps the session first when baggage must be cut, and never counts the foreign tracer id as identity', () => {
    expect(conventions.IDENTITY_BAGGAGE_KEYS).toEqual([
      'session_id',
      'project',
      'source',
      'parent_id',
      'run_id',
      'dataset_id',
      'datapoint_id',
      'session_name',
    ]);
    expect(conventions.IDENTITY_BAGGAGE_KEYS).not.toContain(conventions.BAGGAGE_FOREIGN_TRACER_ID);
    expect(conventions.BAGGAGE_FOREIGN_TRACER_ID).toBe('honeyhive_tracer_id');
  });

  it('knows the paths of the backend and the address of the viewer', () => {
    expect(conventions).toMatchObject({
      HONEYHIVE_TRACES_PATH: '/opentelemetry/v1/traces',
      HONEYHIVE_SESSION_START_PATH: '/session/start',
      HONEYHIVE_EVENTS_PATH: '/events',
      DEFAULT_OTLP_ENDPOINT: 'http://localhost:4318',
      OTLP_TRACES_PATH: '/v1/traces',
    });
  });
});

describe('the table', () => {
  it('writes header names in lower case', () => {
    const headers = strings.filter(([name]) => name.startsWith('HEADER_'));
    expect(headers.length).toBeGreaterThan(5);
    expect(headers.filter(([, value]) => value !== value.toLowerCase())).toEqual([]);
  });

  it('reads prefixed environment variables only', () => {
    const names = Object.values(conventions.ENV);
    expect(names.filter((name) => !/^(?:HH|OTEL|SPANWISE)_[A-Z_]+$/.test(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('gives no two attributes the same name', () => {
    const attributes = strings.filter(([name]) => name.startsWith('ATTR_')).map(([, value]) => value);
    expect(new Set(attributes).size).toBe(attributes.length);
  });

  it('agrees with OpenTelemetry on the names that are its own', () => {
    const require = createRequire(import.meta.url);
    const semantic = require('@opentelemetry/semantic-conventions/incubating') as Record<string, string>;
    expect(conventions.ATTR_OTEL_SESSION_ID).toBe(semantic['ATTR_SESSION_ID']);
    const known = new Set(Object.values(semantic));
    const messaging = strings.filter(([name]) => /^ATTR_(MESSAGING|KAFKA|RABBITMQ)_/.test(name));
    expect(messaging.length).toBeGreaterThan(8);
    expect(messaging.filter(([, value]) => !known.has(value))).toEqual([]);
  });
});
