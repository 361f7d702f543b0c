/** A small Lambda: the Runtime API, a real runtime interface client in a process, and its freezing and thawing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { childProgram } from '../support/child-program.js';
import { bodyOf, startReceiver, type DecodedSpan } from '../support/otlp-receiver.js';

const API = '/2018-06-01/runtime/invocation/';

export interface Answer {
  body: string;
  failed: boolean;
  streamed: boolean;
}

export interface Lambda {
  /** What arrived at the backend so far. */
  readonly spans: readonly DecodedSpan[];
  /** Says how the backend answers from now on. */
  backend(mode: 'ok' | 'hang'): void;
  /** Thaws the process and invokes it; it is frozen again when this resolves. */
  invoke(event: object, options?: { timeoutMs?: number; clientContext?: object }): Promise<Answer>;
  /** What the process wrote. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts a function of `children/lambda-functions.ts` in AWS's own runtime interface client. */
export async function startLambda(functionName: string): Promise<Lambda> {
  const backend = await startReceiver();

  let waiting: http.ServerResponse | undefined;
  let isFrozen = (): void => undefined;
  let answered: (answer: Answer) => void = () => undefined;
  const api = http.createServer((request, response) => {
    const url = request.url ?? '';
    if (url === `${API}next`) {
      // Nothing to do: Lambda stops the process where it stands.
      waiting = response;
      process.kill(child.pid as number, 'SIGSTOP');
      isFrozen();
      return;
    }
    void bodyOf(request).then((body) => {
      const failed = url.endsWith('/error');
      const streamed = request.headers['lambda-runtime-function-response-mode'] === 'streaming';
      answered({ body: body.toString(), failed, streamed });
      response.writeHead(202).end();
    });
  });
  const runtimePort = await listen(api);

  let text = '';
  const frozen = (): Promise<void> => new Promise((resolve) => (isFrozen = resolve));
  const program = await childProgram('__tests__/integrations/children/lambda-functions.ts');
  const client = await childProgram('__tests__/integrations/children/rapid-client.ts');
  const started = frozen();
  const handler = `${path.basename(program, '.cjs')}.${functionName}`;
  const child = spawn(
    process.execPath,
    ['--require', client, path.resolve('node_modules/aws-lambda-ric/bin/index.mjs'), handler],
    {
      cwd: path.dirname(program),
      env: {
        PATH: process.env['PATH'],
        SPANWISE_RAPID_CLIENT: process.env['SPANWISE_RAPID_CLIENT'],
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${runtimePort}`,
        AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: 'true',
        AWS_LAMBDA_FUNCTION_NAME: 'orders',
        AWS_LAMBDA_FUNCTION_VERSION: '3',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
        OTEL_EXPORTER_OTLP_ENDPOINT: backend.url,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const ended = once(child, 'exit');
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)));
  await Promise.race([
    started,
    ended.then(() => Promise.reject(new Error(`the runtime ended before it was ready: ${text}`))),
  ]);

  return {
    spans: backend.spans,
    backend: (mode) => backend.behave(mode),
    output: () => text,
    async invoke(event, { timeoutMs = 10_000, clientContext } = {}) {
      const answer = new Promise<Answer>((resolve) => (answered = resolve));
      const again = frozen();
      process.kill(child.pid as number, 'SIGCONT');
      waiting
        ?.writeHead(200, {
          'content-type': 'application/json',
          'lambda-runtime-aws-request-id': `r-${Math.random()}`,
          'lambda-runtime-deadline-ms': String(Date.now() + timeoutMs),
          'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-central-1:123456789012:function:orders',
          ...(clientContext === undefined
            ? {}
            : { 'lambda-runtime-client-context': JSON.stringify(clientContext) }),
        })
        .end(JSON.stringify(event));
      const given = await answer;
      await again;
      return given;
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
      await backend.close();
      api.closeAllConnections();
      api.close();
    },
  };
}

async function listen(server: http.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
