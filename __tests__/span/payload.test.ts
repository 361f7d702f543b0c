import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { createRedactor } from '../../lib/capture/redact.js';
import { PAYLOAD_FIELDS, type AnyPayload } from '../../lib/span/options.js';
import { eventBody, PayloadWriter, reportUnknownFields, resolveOption } from '../../lib/span/payload.js';
import { collectDiagnostics } from '../support/diagnostics.js';
import { makeOwner } from '../support/owner.js';

let said: string[];
beforeEach(() => {
  said = collectDiagnostics();
});
afterEach(() => diag.disable());

const call = { name: 'Class.method', self: { receiver: true }, args: ['a', 2] };

function written(
  payloads: AnyPayload[],
  result: unknown,
  settings: Parameters<typeof makeOwner>[2] = {},
  isModel = false,
): Record<string, unknown> {
  const owner = makeOwner('t', {}, settings);
  const writer = new PayloadWriter(owner, call, isModel);
  const out = {};
  writer.atStart(payloads, out);
  writer.atEnd(payloads, result, out);
  return out;
}

describe('PayloadWriter', () => {
  it('numbers arguments and names the result', () => {
    expect(written([{ inputs: true, outputs: true }], { answer: 42 })).toEqual({
      'honeyhive_inputs.arg0': 'a',
      'honeyhive_inputs.arg1': 2,
      'honeyhive_outputs.result.answer': 42,
    });
  });

  it('gives callbacks the arguments, the result first where there is one, and the receiver as this', () => {
    const seen: unknown[] = [];
    const spy = function (this: unknown, ...args: unknown[]): object {
      seen.push([this, ...args]);
      return {};
    };
    written([{ inputs: spy, metadata: spy, outputs: spy, metrics: spy }], 'r');
    expect(seen).toEqual([
      [call.self, 'a', 2],
      [call.self, 'a', 2],
      [call.self, 'r', 'a', 2],
      [call.self, 'r', 'a', 2],
    ]);
  });

  it('calls a bare value the result of its namespace', () => {
    expect(written([{ outputs: () => 'short', metadata: 7 }], undefined)).toEqual({
      'honeyhive_outputs.result': 'short',
      'honeyhive_metadata.result': 7,
    });
  });

  it('lets the last payload win, key by key', () => {
    expect(written([{ metadata: { a: 1, b: 1 } }, { metadata: { b: 2 } }], undefined)).toEqual({
      'honeyhive_metadata.a': 1,
      'honeyhive_metadata.b': 2,
    });
  });

  it('sends a payload with an eventId to that event, and writes nothing of it', () => {
    const owner = makeOwner('t');
    const writer = new PayloadWriter(owner, call);
    const payload = {
      eventId: (id: string) => `event-${id}`,
      metadata: { a: [1, 2] },
      outputs: true,
      inputs: { q: 1 },
    };
    const out = {};
    writer.atStart([payload], out);
    writer.atEnd([payload], 'done', out);
    expect(out).toEqual({});
    expect(owner.events).toEqual([
      { event_id: 'event-a', metadata: { a: [1, 2], inputs: { q: 1 } }, outputs: { result: 'done' } },
    ]);
  });

  it('passes over a callback that throws, and says whose', () => {
    const bad = (): never => {
      throw new Error('oops');
    };
    expect(written([{ inputs: bad, metadata: { kept: true } }], undefined)).toEqual({
      'honeyhive_metadata.kept': true,
    });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('[SPW_CALLBACK] Class.method: the inputs callback threw');
  });

  it('captures by default only where the tracer does, and never what a payload switched off', () => {
    const capture = { inputs: true, outputs: true };
    expect(Object.keys(written([], 'r'))).toEqual([]);
    expect(Object.keys(written([], 'r', { capture }))).toEqual([
      'honeyhive_inputs.arg0',
      'honeyhive_inputs.arg1',
      'honeyhive_outputs.result',
    ]);
    expect(Object.keys(written([{ inputs: false, outputs: false }], 'r', { capture }))).toEqual([]);
  });

  it('records prompts and answers of model events as the switch says, whatever else says', () => {
    const asked = [{ inputs: true, outputs: true, metadata: { kept: true } }];
    expect(written(asked, 'r', { messageContent: false }, true)).toEqual({ 'honeyhive_metadata.kept': true });
    expect(written([], 'r', { messageContent: true }, true)).toMatchObject({
      'honeyhive_outputs.result': 'r',
    });
    expect(written([], 'r', { messageContent: true }, false)).toEqual({});
  });

  it('redacts, also inside events for the backend', () => {
    const owner = makeOwner('t', {}, { redact: createRedactor(true) });
    const body = eventBody('e', { metadata: { password: 'hunter2', ok: 1 } }, owner);
    expect(JSON.stringify(body)).not.toContain('hunter2');
    expect(body['metadata']).toMatchObject({ ok: 1 });
  });
});

describe('eventBody', () => {
  it('survives circular values, and keeps odd keys as data', () => {
    const circular: Record<string, unknown> = { a: 1 };
    circular['self'] = circular;
    const odd = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as object;
    const body = eventBody('e', { metadata: circular, feedback: odd }, makeOwner('t'));
    expect(JSON.parse(JSON.stringify(body))).toMatchObject({ event_id: 'e', metadata: { a: 1 } });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('uses the names of the REST interface and leaves out what is absent', () => {
    expect(
      eventBody('e', { userProperties: { a: 1 }, metrics: null, outputs: 'text' }, makeOwner('t')),
    ).toEqual({
      event_id: 'e',
      user_properties: { a: 1 },
      outputs: { result: 'text' },
    });
  });
});

describe('reportUnknownFields', () => {
  it('names each unknown field once', () => {
    reportUnknownFields({ metadata: 1, meta: 2 }, PAYLOAD_FIELDS, '@Enrich');
    reportUnknownFields({ meta: 3 }, PAYLOAD_FIELDS, '@Enrich');
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('@Enrich: unknown option "meta"');
  });
});

describe('resolveOption', () => {
  it('gives values back as they are', () => {
    expect(resolveOption('x', call, 'what')).toBe('x');
    expect(resolveOption(undefined, call, 'what')).toBeUndefined();
  });
});
