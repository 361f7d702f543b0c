import { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { context } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from '@jest/globals';
import { entryOf } from '../../lib/integrations/http-entry.js';
import { enterNodeRequest } from '../../lib/integrations/node-http.js';
import { shutdownAll, startTracer } from '../support/harness.js';

afterEach(shutdownAll);

function arriving(): { raw: IncomingMessage; response: ServerResponse } {
  const raw = new IncomingMessage(new Socket());
  raw.method = 'GET';
  raw.url = '/users/1';
  return { raw, response: new ServerResponse(raw) };
}

const enter = (raw: IncomingMessage, response: ServerResponse) =>
  enterNodeRequest(raw, response, raw, {}, () => '/users/:id')!;

describe('the events of a request', () => {
  it.each(['plain', 'below a prototype of a framework'])('are told in its context: %s', (kind) => {
    startTracer();
    const { raw, response } = arriving();
    if (kind !== 'plain') {
      Object.setPrototypeOf(raw, Object.create(IncomingMessage.prototype) as object);
      Object.setPrototypeOf(response, Object.create(ServerResponse.prototype) as object);
    }
    const entry = enter(raw, response);
    const seen: unknown[] = [];
    const listener = () => seen.push(context.active());
    for (const emitter of [raw, response] as EventEmitter[]) emitter.once('told', listener).emit('told');
    expect(seen).toEqual([entry.context, entry.context]);
    expect(seen[0]).toBe(entry.context);
    // Listeners are as they were given.
    (raw as EventEmitter).on('told', listener);
    expect(raw.listeners('told')).toEqual([listener]);
    raw.off('told', listener);
    expect(raw.emit('told')).toBe(false);
    expect(Object.keys(raw)).not.toContain('emit');
  });

  it('are told in it beside an emit of someone else', () => {
    startTracer();
    const { raw, response } = arriving();
    const others: unknown[] = [];
    response.emit = function (this: ServerResponse, event: string, ...args: unknown[]) {
      others.push(event);
      return EventEmitter.prototype.emit.call(this, event, ...args);
    } as ServerResponse['emit'];
    const entry = enter(raw, response);
    const seen: unknown[] = [];
    response.on('told', () => seen.push(context.active()));
    response.emit('told');
    expect(seen[0]).toBe(entry.context);
    expect(others).toContain('told');
  });

  it.each(['with', 'without'])('end the span with the answer, %s an emit of someone else', (kind) => {
    const { recorder } = startTracer();
    const { raw, response } = arriving();
    if (kind === 'with') response.emit = response.emit.bind(response) as ServerResponse['emit'];
    enter(raw, response);
    expect(recorder.names).toEqual([]);
    response.emit('finish');
    response.emit('close');
    expect(recorder.names).toEqual(['GET /users/:id']);
  });

  it('of a request that closes without an answer end it as aborted', () => {
    const { recorder } = startTracer();
    const { raw, response } = arriving();
    enter(raw, response);
    raw.emit('close');
    expect(recorder.names).toEqual([]);
    response.emit('close');
    expect(recorder.names).toEqual(['GET /users/:id']);
  });

  it('of requests that nobody let in are as they were', () => {
    startTracer();
    const first = arriving();
    const prototype = Object.create(IncomingMessage.prototype) as object;
    Object.setPrototypeOf(first.raw, prototype);
    enter(first.raw, first.response);
    const other = arriving();
    Object.setPrototypeOf(other.raw, prototype);
    const outside = context.active();
    let seen: unknown;
    other.raw.on('told' as 'close', () => (seen = context.active()));
    other.raw.emit('told');
    expect(seen).toBe(outside);
  });
});

describe('the entry of a request', () => {
  it('is not that of a copy with the same headers', () => {
    startTracer();
    const { raw, response } = arriving();
    const entry = enter(raw, response);
    const copy = Object.assign(new IncomingMessage(raw.socket), raw);
    expect(copy.rawHeaders).toBe(raw.rawHeaders);
    expect(entryOf(raw)).toBe(entry);
    expect(entryOf(copy)).toBeUndefined();
    const again = enter(copy, new ServerResponse(copy));
    expect(entryOf(copy)).toBe(again);
    expect(again).not.toBe(entry);
  });

  it('is kept for a request whose headers cannot be added to', () => {
    startTracer();
    const { raw, response } = arriving();
    Object.freeze(raw.rawHeaders);
    expect(entryOf(raw)).toBeUndefined();
    const entry = enter(raw, response);
    expect(entryOf(raw)).toBe(entry);
  });
});
