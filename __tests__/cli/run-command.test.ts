import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { runCommand } from '../../lib/cli/run-command.js';
import { VERSION } from '../../lib/conventions.js';

jest.setTimeout(30_000);
afterEach(() => diag.disable());

/** Runs a command and stops it as soon as it says that it waits. */
async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runCommand(args, {
    out: (text) => void out.push(text),
    error: (text) => void error.push(text),
    onStop: (stop) => setImmediate(stop),
  });
  return { code, out: out.join('\n'), error: error.join('\n') };
}

describe('spanwise', () => {
  it.each([[['--help']], [['-h']], [['help']]])('%j lists the commands', async (args) => {
    const { code, out } = await run(...args);
    expect(code).toBe(0);
    expect(out).toContain('Usage: spanwise COMMAND');
    expect(out).toMatch(/^ {2}viewer {2,}\S/m);
  });

  it('without a command lists them too, and fails', async () => {
    expect(await run()).toMatchObject({ code: 2, out: expect.stringContaining('viewer') });
  });

  it('--version is the package’s', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: VERSION, error: '' });
  });

  it.each(['views', 'constructor', '--port'])('%s is no command', async (name) => {
    const { code, error } = await run(name);
    expect([code, error]).toEqual([2, `spanwise: there is no command "${name}"; see spanwise --help`]);
  });
});

describe('spanwise viewer', () => {
  it('runs until it is stopped, and says where', async () => {
    const { code, out, error } = await run('viewer', '--port', '0');
    expect([code, error]).toEqual([0, '']);
    expect(out).toMatch(/^Viewer: {2}http:\/\/127\.0\.0\.1:\d+$/m);
    expect(out).toMatch(/^Traces: {2}http:\/\/127\.0\.0\.1:\d+\/v1\/traces/m);
  });

  it('--help tells every option and starts nothing', async () => {
    const { code, out } = await run('viewer', '--port', '1', '--help');
    expect(code).toBe(0);
    const told = [...out.matchAll(/^ {2}(--[a-z-]+)/gm)].map((match) => match[1]);
    expect(told).toEqual([
      '--port',
      '--host',
      '--allow-host',
      '--retention',
      '--refuse-when-full',
      '--persist',
      '--strict',
      '--help',
    ]);
  });

  it('understands every option that it tells', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-cli-'));
    const file = path.join(folder, 'kept.log');
    const options = ['--host', '127.0.0.1', '--allow-host', 'a', '--allow-host', 'b', '--retention', '1.5GB'];
    const more = ['--refuse-when-full', '--persist', file, '--strict'];
    const { code, out } = await run('viewer', '--port', '0', ...options, ...more);
    expect(code).toBe(0);
    expect(out).toContain(`Kept in: ${file}`);
    expect(readFileSync(file, 'utf8')).toContain('spanwise-journal');
    rmSync(folder, { recursive: true });
  });

  it('says in one line which port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, out, error } = await run('viewer', '--port', String(port));
    await new Promise((resolve) => other.close(resolve));
    expect([code, out]).toEqual([1, '']);
    expect(error).toMatch(
      new RegExp(`^spanwise viewer: \\[SPW_VIEWER\\] port ${port} of 127.0.0.1 is taken;[^\\n]*$`),
    );
  });

  it('warns where it is open to the network', async () => {
    const { code, error } = await run('viewer', '--port', '0', '--host', '0.0.0.0');
    expect([code, error]).toEqual([0, expect.stringContaining('there is no password')]);
  });

  it.each([
    [['--port', 'x'], '--port must be a number'],
    [['--port', '70000'], '--port must be a number'],
    [['--port', '-1'], "'--port'"],
    [['--port'], "'--port <value>' argument missing"],
    [['--retention', '10'], '--retention must be a size'],
    [['--retention', 'much'], '--retention must be a size'],
    [['--persist', ''], '--persist needs a value'],
    [['--host', ''], '--host needs a value'],
    [['--colour'], "Unknown option '--colour'"],
    [['extra'], "Unexpected argument 'extra'"],
  ])('is called wrongly with %j', async (args, message) => {
    const { code, out, error } = await run('viewer', ...args);
    expect([code, out]).toEqual([2, '']);
    expect(error).toContain(message);
    expect(error).toMatch(/^spanwise viewer: [^\n]*; see spanwise viewer --help$/);
  });

  it('says so when its file cannot be used', async () => {
    const { code, error } = await run('viewer', '--port', '0', '--persist', '/nowhere/at/all');
    expect([code, error]).toEqual([1, expect.stringContaining('/nowhere/at/all')]);
  });
});
