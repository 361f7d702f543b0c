import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context } from '@opentelemetry/api';
import { createServer, get, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { once } from 'node:events';
import { endOpenRuns } from '../../lib/span/settle.js';
import { settleWebStream } from '../../lib/span/settle-stream.js';
import { RecordedRun, Recorder, settled, useContexts } from './settle-harness.js';

let recorder: Recorder;
let server: Server | undefined;
beforeEach(() => {
  useContexts();
  recorder = new Recorder();
});
afterEach(() => {
  endOpenRuns();
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  context.disable();
});

describe('a Node stream', () => {
  it('is the same, does not flow, and ends the span with its readable side', async () => {
    const stream = Readable.from(['a', 'b']);
    expect(recorder.trace(() => stream)()).toBe(stream);
    await settled();
    expect(stream.readableFlowing).toBe(null);
    expect(stream.readableDidRead).toBe(false);
    expect(recorder.ends).toEqual(['open']);
    const seen: unknown[] = [];
    for await (const chunk of stream) seen.push(chunk);
    expect(seen).toEqual(['a', 'b']);
    expect(recorder.ends).toEqual(['succeed']);
    const untraced = Readable.from(['a', 'b']);
    for await (const _ of untraced);
    for (const event of ['end', 'close', 'error']) {
      expect(stream.listenerCount(event)).toBe(untraced.listenerCount(event));
    }
  });

  it('is cancelled by break, destroy and abort, and fails with its error', async () => {
    for await (const _ of recorder.trace(() => Readable.from(['a', 'b']))()) break;
    recorder
      .trace(() => new PassThrough())()
      .destroy();
    const error = new Error('no');
    const failing = recorder.trace(() => new PassThrough())();
    failing.on('error', () => {});
    failing.destroy(error);
    const controller = new AbortController();
    const aborted = recorder.trace(() => new Readable({ read() {}, signal: controller.signal }))();
    aborted.on('error', () => {});
    controller.abort();
    await settled();
    expect(recorder.ends).toEqual(['cancel', 'cancel', 'fail', 'cancel']);
    expect(recorder.value(2)).toBe(error);
  });

  it('that is over already ends the span at once', async () => {
    const ended = Readable.from([]);
    for await (const _ of ended);
    recorder.trace(() => ended)();
    const destroyed = new PassThrough();
    destroyed.destroy();
    recorder.trace(() => destroyed)();
    expect(recorder.ends).toEqual(['succeed', 'cancel']);
  });

  it('works in a pipeline and in nested traced methods', async () => {
    const inner = recorder.trace(() => Readable.from(['a']).pipe(new PassThrough()), 'inner');
    const parts: string[] = [];
    await pipeline(
      recorder.trace(() => inner(), 'outer')(),
      new Writable({
        write(chunk, _encoding, done) {
          parts.push(String(chunk));
          done();
        },
      }),
    );
    expect(parts).toEqual(['a']);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
  });

  it('of an HTTP response is followed, a socket and a ServerResponse are not', async () => {
    server = createServer((_request, response) => {
      recorder.trace((): ServerResponse => response, 'response')();
      response.end('body');
    });
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    const { port } = server!.address() as AddressInfo;
    const [message] = await once(get({ port, host: '127.0.0.1', agent: false }), 'response');
    const followed = recorder.trace(() => message, 'message')();
    expect(recorder.ends).toEqual(['succeed', 'open']);
    followed.resume();
    await once(followed, 'end');
    const socket = connect(port, '127.0.0.1');
    recorder.trace(() => socket, 'socket')();
    expect(recorder.ends).toEqual(['succeed', 'succeed', 'succeed']);
    socket.destroy();
  });
});

describe('a web stream', () => {
  const source = (): ReadableStream<string> =>
    new ReadableStream<string>({
      start(controller) {
        controller.enqueue('a');
        controller.close();
      },
    });

  it('is the same, unlocked and unread, and ends the span when it closes', async () => {
    let pulls = 0;
    const stream = new ReadableStream({ pull: () => void pulls++ }, { highWaterMark: 0 });
    expect(recorder.trace(() => stream)()).toBe(stream);
    await settled();
    expect([stream.locked, pulls]).toEqual([false, 0]);
    expect(await new Response(recorder.trace(source)().pipeThrough(new TextEncoderStream())).text()).toBe(
      'a',
    );
    await settled();
    expect(recorder.ends).toEqual(['open', 'succeed']);
  });

  it('fails with its error', async () => {
    const error = new Error('no');
    const stream = recorder.trace(
      () => new ReadableStream({ pull: (controller) => controller.error(error) }),
    )();
    await expect(stream.getReader().read()).rejects.toBe(error);
    await settled();
    expect(recorder.ends).toEqual(['fail']);
    expect(recorder.value()).toBe(error);
  });

  it.each(['getReader', 'for await'])('is followed through %s where the runtime is not Node', async (way) => {
    const run = new RecordedRun(recorder, 'body', context.active(), false);
    const stream = source();
    settleWebStream(stream, run, null);
    if (way === 'getReader') {
      const reader = stream.getReader();
      while (!(await reader.read()).done);
    } else for await (const _ of stream);
    await settled();
    expect(run.ends[0]?.how).toBe('succeed');
  });
});
