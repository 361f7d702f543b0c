import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import type { Finding } from '../../lib/cli/doctor-finding.js';
import { runCommand } from '../../lib/cli/run-command.js';
import { startViewer } from '../../lib/viewer/index.js';
import { shutdownAll } from '../support/harness.js';

jest.setTimeout(30_000);

const VARIABLES = ['HH_API_KEY', 'HH_API_URL', 'HH_PROJECT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
const before = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));

let project: string;
beforeEach(() => {
  for (const name of VARIABLES) delete process.env[name];
  project = realpathSync(mkdtempSync(path.join(tmpdir(), 'spanwise-doctor-')));
});
afterEach(async () => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(project, { recursive: true, force: true });
  await shutdownAll();
  diag.disable();
});

function write(file: string, content: object | string): void {
  const full = path.join(project, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, typeof content === 'string' ? content : JSON.stringify(content));
}
function install(name: string, version: string, below = ''): void {
  write(`${below}node_modules/${name}/package.json`, { name, version });
}
/** A project in which nothing is wrong. */
function healthy(): void {
  install('@opentelemetry/api', '1.9.1');
  write('package.json', { name: 'shop', dependencies: {} });
  write('tsconfig.json', { compilerOptions: { target: 'ES2022' } });
}

interface Report {
  ok: boolean;
  project: string;
  findings: Finding[];
}
async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const terminal = {
    out: (text: string) => void out.push(text),
    error: (text: string) => void error.push(text),
    onStop: () => undefined,
  };
  const code = await runCommand(['doctor', '--project', project, ...args], terminal);
  return { code, out: out.join('\n'), error: error.join('\n') };
}
async function examine(
  ...args: string[]
): Promise<Report & { code: number; of: (check: string) => Finding }> {
  const { code, out } = await run('--json', ...args);
  const report = JSON.parse(out) as Report;
  return {
    ...report,
    code,
    of: (check) => report.findings.find((finding) => finding.check === check) as Finding,
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('spanwise doctor, on a project in which nothing is wrong', () => {
  it('finds nothing to do and exits with 0', async () => {
    healthy();
    const report = await examine('--offline');
    expect(report).toMatchObject({ ok: true, code: 0, project });
    expect(report.findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
      'OpenTelemetry API ok',
      'OpenTelemetry SDK ok',
      'decorators ok',
      'context manager ok',
    ]);
  });

  it('says so line by line', async () => {
    healthy();
    const { code, out } = await run('--offline');
    expect(code).toBe(0);
    expect(out).toMatch(/^ok {7}OpenTelemetry API: one copy, 1\./m);
    expect(out).not.toContain('→');
  });
});

describe('the packages', () => {
  it('must hold the API', async () => {
    healthy();
    rmSync(path.join(project, 'node_modules'), { recursive: true });
    const report = await examine('--offline');
    expect(report.code).toBe(1);
    expect(report.of('OpenTelemetry API')).toMatchObject({
      status: 'problem',
      remedy: 'npm install @opentelemetry/api',
    });
  });

  it('must not hold two copies of it, wherever the second one is', async () => {
    healthy();
    install('some-sdk', '1.0.0');
    install('@opentelemetry/api', '1.8.0', 'node_modules/some-sdk/');
    const { out, code } = await run('--offline');
    expect(code).toBe(1);
    expect(out).toMatch(
      /problem {2}OpenTelemetry API: 2 copies.*1\.8\.0 in node_modules\/some-sdk.*\[SPW_API_COPY\]/,
    );
    expect(out).toMatch(/→ npm ls @opentelemetry\/api/);
  });

  it.each(['1.8.0', '1.11.0', '2.0.0'])('must hold one that Spanwise works with, not %s', async (version) => {
    healthy();
    install('@opentelemetry/api', version);
    expect((await examine('--offline')).of('OpenTelemetry API').status).toBe('problem');
  });

  it.each([
    [{ 'sdk-trace-node': '2.12.0' }, 'ok', '2.x'],
    [{ 'sdk-trace': '3.1.0', api: '1.10.0' }, 'ok', '3.x'],
    [{ 'sdk-trace': '3.1.0', api: '1.9.0' }, 'problem', '1.10'],
    [{ 'sdk-trace-node': '1.30.0' }, 'warning', '1.30.0'],
  ])('of the SDK %j are %s', async (packages, status, said) => {
    healthy();
    for (const [name, version] of Object.entries(packages)) install(`@opentelemetry/${name}`, version);
    const finding = (await examine('--offline')).of('OpenTelemetry SDK');
    expect(finding).toMatchObject({ status, message: expect.stringContaining(said) });
  });
});

describe('the compiler', () => {
  const FIELD = `
    import { Trace } from 'spanwise';
    export class Agent {
      @Trace({ inputs: (query) => ({ query }) })
      method(query: string) { return query; }
      @Trace({ eventType: 'tool' })
      private readonly search: (query: string) => string[] = (query) => [query];
    }`;

  it('hides a decorated field with legacy decorators and defined fields, which is found by place and name', async () => {
    healthy();
    write('tsconfig.json', { compilerOptions: { target: 'ES2022', experimentalDecorators: true } });
    write('src/agent.ts', FIELD);
    const report = await examine('--offline');
    expect(report.code).toBe(1);
    expect(report.of('decorators')).toMatchObject({ status: 'problem', code: 'SPW_FIELD' });
    expect(report.of('decorators').message).toContain(`${path.join('src', 'agent.ts')}:7 search`);
    expect(report.of('decorators').message).not.toContain('method');
  });

  it.each([
    ['assigned fields', { target: 'ES2022', useDefineForClassFields: false }],
    ['an older target', { target: 'ES2021' }],
  ])('shows it with %s', async (_what, options) => {
    healthy();
    write('tsconfig.json', { compilerOptions: { ...options, experimentalDecorators: true } });
    write('src/agent.ts', FIELD);
    expect((await examine('--offline')).of('decorators').status).toBe('ok');
  });

  it('is read through extends, comments and trailing commas', async () => {
    healthy();
    write('base.json', '{ "compilerOptions": { "experimentalDecorators": true, "target": "ES2022", } }');
    write(
      'tsconfig.json',
      '{\n  // ours\n  "extends": "./base", /* "a": 1 */ "compilerOptions": { "strict": true, }, }',
    );
    write('src/agent.ts', FIELD);
    expect((await examine('--offline')).of('decorators').status).toBe('problem');
  });

  it('needs legacy decorators for NestJS', async () => {
    healthy();
    write('package.json', { dependencies: { '@nestjs/core': '^12.0.0' } });
    const finding = (await examine('--offline')).of('decorators');
    expect(finding).toMatchObject({
      status: 'problem',
      remedy: expect.stringContaining('experimentalDecorators'),
    });
  });

  it.each(['5.3.3', '4.9.5'])('must not be TypeScript %s', async (version) => {
    healthy();
    install('typescript', version);
    expect((await examine('--offline')).of('decorators').status).toBe('problem');
  });

  it('may be none', async () => {
    healthy();
    rmSync(path.join(project, 'tsconfig.json'));
    const report = await examine('--offline');
    expect([report.code, report.of('decorators').status]).toEqual([0, 'skipped']);
  });

  it('that cannot be read is said, not thrown', async () => {
    healthy();
    write('tsconfig.json', '{ "extends": "@nobody/has-this" }');
    expect((await examine('--offline')).of('decorators')).toMatchObject({
      status: 'problem',
      message: expect.stringContaining('@nobody/has-this'),
    });
  });
});

describe('the backend', () => {
  it('takes a span and shows it', async () => {
    healthy();
    const viewer = await startViewer({ port: 0 });
    try {
      process.env['HH_API_URL'] = viewer.url;
      process.env['HH_API_KEY'] = 'hh-test';
      const report = await examine();
      expect(report.findings.slice(-2)).toMatchObject([
        { check: 'backend', status: 'ok' },
        { check: 'test span', status: 'ok', message: expect.stringContaining('seen by') },
      ]);
      expect(report.code).toBe(0);
    } finally {
      await viewer.close();
    }
  });

  it('that takes a span and does not show it is no problem, but said', async () => {
    healthy();
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        const body = request.url?.includes('export') === true ? '{"events":[],"totalEvents":0}' : '{}';
        response.setHeader('content-type', 'application/json').end(body);
      });
    });
    try {
      process.env['HH_API_URL'] = await listen(server);
      process.env['HH_API_KEY'] = 'hh-test';
      const report = await examine('--wait', '0.2');
      expect(report.of('test span')).toMatchObject({ status: 'warning', code: 'SPW_BACKEND' });
      expect(report.code).toBe(0);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('that is not there is a problem, and nothing is sent', async () => {
    healthy();
    const server = createServer();
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const report = await examine();
    expect(report.code).toBe(1);
    expect(report.of('backend')).toMatchObject({ status: 'problem', code: 'SPW_EXPORT' });
    expect(report.of('test span').status).toBe('skipped');
  });

  it.each([
    [401, 'SPW_API_KEY'],
    [404, 'SPW_EXPORT'],
  ])('that answers %d is a problem', async (status, code) => {
    healthy();
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(status).end());
    });
    try {
      process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = await listen(server);
      const report = await examine();
      expect(report.of('backend')).toMatchObject({ status: 'problem', code });
      expect(report.code).toBe(1);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('called wrongly, it exits with 2', () => {
  it.each([[['--port', '1']], [['--wait', 'long']], [['--project', '/there/is/no/such/folder']]])(
    'for %j',
    async (args) => {
      const { code, error } = await run(...args);
      expect(code).toBe(2);
      expect(error).toMatch(/^spanwise doctor: .*; see spanwise doctor --help$/);
    },
  );
});
