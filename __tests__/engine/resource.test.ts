import { resourceFromAttributes } from '@opentelemetry/resources';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import { createResource } from '../../lib/engine/resource.js';
import { collectDiagnostics } from './support.js';

let messages: string[];
beforeEach(() => {
  resetDiagnostics();
  messages = collectDiagnostics();
});

describe('createResource', () => {
  test('says by default what makes the spans', () => {
    expect(createResource({}, undefined, {}).attributes).toMatchObject({
      'service.name': expect.stringMatching(/^unknown_service:.*node/),
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.name': 'spanwise',
      'telemetry.sdk.version': expect.any(String),
    });
  });

  test('takes the service name from the options, then OTEL_SERVICE_NAME, then OTEL_RESOURCE_ATTRIBUTES', () => {
    const env = { OTEL_SERVICE_NAME: 'two', OTEL_RESOURCE_ATTRIBUTES: 'service.name=three,team=blue' };
    const name = (chosen: object, from: object) =>
      createResource(chosen as never, undefined, from as never).attributes['service.name'];
    expect(name({ 'service.name': 'one' }, env)).toBe('one');
    expect(name({}, env)).toBe('two');
    expect(name({}, { OTEL_RESOURCE_ATTRIBUTES: env.OTEL_RESOURCE_ATTRIBUTES })).toBe('three');
    expect(createResource({}, undefined, env).attributes['team']).toBe('blue');
  });

  test('decodes OTEL_RESOURCE_ATTRIBUTES, and discards all of it for one mistake', () => {
    const read = (text: string) =>
      createResource({}, undefined, { OTEL_RESOURCE_ATTRIBUTES: text }).attributes;
    expect(read('a=1%2C2, b = x=y ,,c=')).toMatchObject({ a: '1,2', b: 'x=y', c: '' });
    expect(read('a=1,b')).not.toHaveProperty('a');
    expect(read('a=1,b=%E0%A4%A')).not.toHaveProperty('a');
    expect(messages).toEqual([expect.stringContaining('OTEL_RESOURCE_ATTRIBUTES')]);
  });

  test('takes a resource of the SDK', () => {
    const theirs = resourceFromAttributes({ team: 'blue' }, { schemaUrl: 'https://s' });
    const resource = createResource(theirs, undefined, {});
    expect(resource.attributes).toMatchObject({ team: 'blue', 'telemetry.sdk.name': 'spanwise' });
    expect(resource.schemaUrl).toBe('https://s');
  });

  test('can be merged into and by a resource of the SDK', () => {
    const theirs = resourceFromAttributes({ team: 'blue', 'service.name': 'theirs' });
    const ours = createResource({ 'service.name': 'ours' }, undefined, {});
    expect(ours.merge(theirs).attributes).toMatchObject({ team: 'blue', 'service.name': 'theirs' });
    expect(theirs.merge(ours as never).attributes).toMatchObject({ team: 'blue', 'service.name': 'ours' });
    expect(ours.merge(null)).toBe(ours);
  });

  test('two different schema URLs leave none, and a report', () => {
    const [one, two] = ['https://1', 'https://2'].map((schemaUrl) =>
      resourceFromAttributes({}, { schemaUrl }),
    );
    const merged = createResource(one!, undefined, {}).merge(two);
    expect(merged.schemaUrl).toBeUndefined();
    expect(messages).toHaveLength(1);
  });

  test('waits for promises, leaves out those that fail, and does not lose the others meanwhile', async () => {
    const pending = { soon: Promise.resolve('here'), never: Promise.reject(new Error('x')), now: 1 };
    const resource = createResource(pending as never, undefined, {});
    expect(resource.asyncAttributesPending).toBe(true);
    expect(resource.attributes).toMatchObject({ now: 1 });
    expect(resource.attributes).not.toHaveProperty('soon');
    await resource.waitForAsyncAttributes();
    expect(resource.asyncAttributesPending).toBe(false);
    expect(resource.attributes).toMatchObject({ now: 1, soon: 'here' });
    expect(resource.attributes).not.toHaveProperty('never');
  });

  test('leaves out values that no backend takes, and reports them', () => {
    const resource = createResource({ good: [1, 2], bad: { a: 1 } as never }, undefined, {});
    expect(resource.attributes).toMatchObject({ good: [1, 2] });
    expect(resource.attributes).not.toHaveProperty('bad');
    expect(messages).toEqual([expect.stringContaining('"bad"')]);
  });
});
