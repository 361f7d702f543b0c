import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { cleanUp, startApp, startServer, until, type TestServer } from './harness.js';

// Children share the machine with whatever else runs: no test is decided by its speed.
jest.setTimeout(30_000);

let server: TestServer;

beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.stop());
afterAll(cleanUp);

async function end(how: string, signal?: NodeJS.Signals, env: Record<string, string> = {}) {
  const app = startApp('ending-app', { URL: server.url, HOW: how, ...env });
  if (signal !== undefined) {
    await app.ready;
    app.process.kill(signal);
  }
  return app.result;
}

const delivered = { spans: 100, duplicates: 0 };

describe('all spans arrive, and the exit code is what it would have been', () => {
  test.each([
    ['natural', 0],
    ['natural with a listener', 0],
    ['exit code', 3],
    ['process.exit', 5],
    ['uncaught error', 1],
    ['uncaught error with a handler', 9],
    ['uncaught error without an exit event', 1],
    ['unhandled rejection', 1],
    ['unhandled rejection with a handler', 0],
  ])('%s', async (how, code) => {
    const result = await end(how);
    expect(result).toMatchObject({ code, signal: null });
    expect(await server.report()).toMatchObject(delivered);
    expect(result.stderr).not.toContain('diag:');
    if (how === 'natural with a listener') expect(result.stdout.match(/beforeExit/g)).toHaveLength(1);
    if (how === 'uncaught error') expect(result.stderr).toContain('nobody catches me');
  });

  test('an error that is forgiven after all stops nothing', async () => {
    const result = await end('error that is forgiven without an exit event');
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout).toContain('flushed true');
    expect(await server.report()).toMatchObject({ spans: 101, duplicates: 0 });
  });

  test('over JSON as well', async () => {
    expect(await end('process.exit', undefined, { PROTOCOL: 'http/json' })).toMatchObject({ code: 5 });
    expect(await server.report()).toMatchObject(delivered);
  });

  test('with a request on its way when the process exits', async () => {
    await server.behave({ mode: 'ok', delayMs: 300 });
    const app = startApp('ending-app', {
      URL: server.url,
      HOW: 'signal with a handler that exits',
      DELAY: '0',
    });
    await until('the request', async () => (await server.report()).requests === 1);
    app.process.kill('SIGTERM');
    expect(await app.result).toMatchObject({ code: 7, signal: null });
    expect(await server.report()).toMatchObject(delivered);
  });
});

describe.each(['SIGTERM', 'SIGINT'] as const)('at %s all spans arrive, and the end is the same', (signal) => {
  test('without a handler', async () => {
    expect(await end('signal without a handler', signal)).toMatchObject({ code: null, signal });
    expect(await server.report()).toMatchObject(delivered);
  });

  test.each([
    ['signal with a handler that exits', { code: 7, signal: null }],
    ['signal with a handler that closes', { code: 0, signal: null }],
    ['signal with a handler that raises it again', { code: null, signal }],
    ['signal beside signal-exit', { code: null, signal }],
  ])('%s', async (how, expected) => {
    expect(await end(how, signal)).toMatchObject(expected);
    expect(await server.report()).toMatchObject(delivered);
  });

  test('with a handler that goes on, the process lives', async () => {
    const app = startApp('ending-app', { URL: server.url, HOW: 'signal with a handler that goes on' });
    await app.ready;
    app.process.kill(signal);
    await until('the handler', () => app.output().includes('got it'));
    await until('the spans', async () => (await server.report()).spans === 100);
    expect(app.process.exitCode).toBeNull();
    app.process.kill('SIGKILL');
    await app.result;
  });
});

describe('with a backend that hangs', () => {
  beforeEach(() => server.behave({ mode: 'hang' }));

  test.each([
    ['natural', undefined, { code: 0 }],
    ['natural with a listener', undefined, { code: 0 }],
    ['process.exit', undefined, { code: 5 }],
    ['signal without a handler', 'SIGTERM', { signal: 'SIGTERM' }],
  ] as const)('%s waits no longer than it may and says what is lost', async (how, signal, expected) => {
    const app = startApp('ending-app', { URL: server.url, HOW: how, TIMEOUT: '700' });
    await app.ready;
    const start = performance.now();
    if (signal !== undefined) app.process.kill(signal);
    const result = await app.result;
    expect(result).toMatchObject(expected);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(result.stderr).toMatch(/100 spans (are lost|were sent, and not confirmed)/);
    expect(result.stdout).toContain('lost 100');
  });

  test('no time at all is enough to say what is lost', async () => {
    const { result } = startApp('ending-app', { URL: server.url, HOW: 'natural', TIMEOUT: '1' });
    expect((await result).stdout).toContain('lost 100');
  });

  test('a second signal ends it at once', async () => {
    const app = startApp('ending-app', {
      URL: server.url,
      HOW: 'signal without a handler',
      TIMEOUT: '60000',
    });
    await app.ready;
    app.process.kill('SIGINT');
    await until('the request', async () => (await server.report()).requests === 1);
    app.process.kill('SIGINT');
    expect(await app.result).toMatchObject({ code: null, signal: 'SIGINT' });
  });
});

test('nothing is left in the process after the last shutdown', async () => {
  const app = startApp('ending-app', { URL: server.url, HOW: 'after a shutdown' });
  await until('the shutdown', () => app.output().includes('listeners'));
  expect(app.output()).toContain('listeners 0');
  app.process.kill('SIGTERM');
  expect(await app.result).toMatchObject({ signal: 'SIGTERM' });
});
