import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { removePrograms } from '../support/child-program.js';
import { startLambda, type Lambda } from './lambda-runtime.js';

// A process is started for each test; nothing here waits for time to pass.
jest.setTimeout(60_000);

let lambda: Lambda | undefined;
afterEach(async () => {
  await lambda?.stop();
  lambda = undefined;
});
afterAll(removePrograms);

const TRACE = 'a'.repeat(32);
const SPAN = 'b'.repeat(16);
const FROM_CALLER = { traceparent: `00-${TRACE}-${SPAN}-01`, baggage: 'session_id=theirs' };

describe('in AWS’s runtime interface client, frozen after each answer', () => {
  it('a function that is only traced delivers nothing', async () => {
    lambda = await startLambda('bare');
    for (let id = 0; id < 3; id++) {
      expect(JSON.parse((await lambda.invoke({ id })).body)).toEqual({ id, session: null });
    }
    expect(lambda.spans).toEqual([]);
  });

  it.each(['wrapped', 'callback'])('a wrapped one has delivered before each answer: %s', async (name) => {
    lambda = await startLambda(name);
    for (let id = 0; id < 3; id++) {
      const { body, failed } = await lambda.invoke({ id }, { clientContext: { custom: FROM_CALLER } });
      expect([JSON.parse(body), failed]).toEqual([{ id, session: 'theirs' }, false]);
      expect(lambda.spans).toHaveLength(2 * (id + 1));
    }
    expect(lambda.spans.map((span) => span.name)).toEqual(
      Array.from({ length: 3 }, () => ['work', 'orders']).flat(),
    );
    const entries = lambda.spans.filter(({ name: spanName }) => spanName === 'orders');
    expect(entries.map(({ parentSpanId, traceId }) => [traceId, parentSpanId])).toEqual(
      Array.from({ length: 3 }, () => [TRACE, SPAN]),
    );
    expect(entries.map(({ attributes }) => attributes['faas.coldstart'])).toEqual([true, false, false]);
    expect(entries[0]!.attributes).toMatchObject({
      'faas.name': 'orders',
      'faas.version': '3',
      'faas.trigger': 'other',
      'cloud.region': 'eu-central-1',
      'cloud.account.id': '123456789012',
      'honeyhive.session_id': 'theirs',
    });
    expect(lambda.output()).not.toContain('SPW_');
  });

  it.each(['wrapped', 'callback'])('one that fails says so, to AWS and in its span: %s', async (name) => {
    lambda = await startLambda(name);
    const { body, failed } = await lambda.invoke({ fail: 'no stock' });
    expect(failed).toBe(true);
    expect(JSON.parse(body)).toMatchObject({ errorType: 'RangeError', errorMessage: 'no stock' });
    const entry = lambda.spans.find((span) => span.name === 'orders')!;
    expect(entry.status).toEqual({ code: 2, message: 'no stock' });
    expect(entry.events.map((event) => event.name)).toEqual(['exception']);
  });

  it.each(['streamed', 'streamedInside'])('one that streams delivers too: %s', async (name) => {
    lambda = await startLambda(name);
    for (let id = 0; id < 2; id++) {
      expect(await lambda.invoke({ id })).toEqual({ body: `ab${id}`, failed: false, streamed: true });
      expect(lambda.spans).toHaveLength(4 * (id + 1));
    }
  });

  it('a backend that hangs holds up no answer for good, and gets what is left later', async () => {
    lambda = await startLambda('wrapped');
    lambda.backend('hang');
    expect(JSON.parse((await lambda.invoke({ id: 1 }, { timeoutMs: 700 })).body)).toMatchObject({ id: 1 });
    expect(lambda.spans).toEqual([]);
    lambda.backend('ok');
    await lambda.invoke({ id: 2 });
    expect(lambda.spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['work', 'orders']));
  });
});
