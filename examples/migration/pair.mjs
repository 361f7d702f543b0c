/** Runs a server and a client as two processes against a viewer, and tells what spans arrived. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../build.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Compiles the programs of a version (`opentelemetry`, `spanwise`, `untraced`) into a folder. */
export async function compilePair(version, folder) {
  const programs = ['server', 'client'].map((part) => [part, path.join(here, version, `${part}.ts`)]);
  await compile(Object.fromEntries(programs), folder);
}

/**
 * Runs a compiled pair to its end.
 *
 * @param folder where the pair was compiled to
 * @param endpoint where its spans go
 */
export async function runPair(folder, endpoint) {
  const env = { PATH: process.env.PATH, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
  const serverEnv = { ...env, OTEL_SERVICE_NAME: 'agent-server' };
  const server = fork(path.join(folder, 'server.mjs'), { env: serverEnv });
  const [port] = await once(server, 'message');
  const clientEnv = { ...env, OTEL_SERVICE_NAME: 'client', AGENT_SERVER_URL: `http://127.0.0.1:${port}` };
  const client = fork(path.join(folder, 'client.mjs'), { env: clientEnv });
  const [code] = await once(client, 'exit');
  server.disconnect();
  await once(server, 'exit');
  if (code !== 0) throw new Error(`the client ended with ${code}`);
}

/** Spans of all sessions as lines: who is below whom, and everything about them that must be the same. */
export function treeOf(events) {
  const spans = events.filter((event) => event.event_type !== 'session');
  const ids = new Set(spans.map((span) => span.event_id));
  const inOrder = (some) =>
    some.sort((a, b) => a.start_time - b.start_time || a.event_name.localeCompare(b.event_name));
  const describe = (span, indent) => {
    const { session_id: session, project, source, inputs, outputs, error } = span;
    const mode = span.metadata.mode;
    const facts = { session, project, source, kind: span.span_kind, inputs, outputs, error, mode };
    const line = `${indent}${span.event_name} [${span.event_type}] ${span.service_name} ${JSON.stringify(facts)}`;
    const below = inOrder(spans.filter((other) => other.parent_id === span.event_id));
    return [line, ...below.flatMap((child) => describe(child, `${indent}  `))];
  };
  const roots = spans.filter((span) => !ids.has(span.parent_id));
  roots.sort((a, b) => a.session_id.localeCompare(b.session_id));
  return roots.flatMap((root) => describe(root, '')).join('\n');
}
