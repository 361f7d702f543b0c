/**
 * Runs agent server and client as two processes, prints the tree of the session, and verifies it. `npm run adk` starts
 * it; see the guide "Agents".
 *
 * Flags: --once (end by itself), --json (print the verified facts), --port N (of the viewer).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { HoneyHiveClient } from 'spanwise';
import { startViewer } from 'spanwise/viewer';
import { startModel } from './model-server.js';
import { verify } from './verify.js';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: flags } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
  },
});

const { GEMINI_API_KEY, HH_API_KEY, HH_API_URL } = process.env;
// Online where there is a key, each of the two by itself.
const model = GEMINI_API_KEY ? undefined : await startModel();
const viewer = HH_API_KEY ? undefined : await startViewer({ port: Number(flags.port) });
const serverUrl = viewer?.url ?? HH_API_URL;
const say = (text: string): void => void (flags.json || process.stdout.write(`${text}\n`));
say(`model: ${model === undefined ? 'Gemini' : 'local stand-in'}; sessions: ${viewer?.url ?? 'HoneyHive'}\n`);

const environment = {
  ...process.env,
  OTEL_EXPORTER_OTLP_ENDPOINT: '',
  ...(viewer && { HH_API_URL: viewer.url }),
  ...(model && { GOOGLE_GEMINI_BASE_URL: model.url, GEMINI_API_KEY: 'offline' }),
};
const children: ChildProcess[] = [];
async function start<Message>(program: string, more: NodeJS.ProcessEnv): Promise<Message> {
  const stdio = ['ignore', flags.json ? 'ignore' : 'inherit', 'inherit', 'ipc'] as const;
  const child = fork(path.join(here, `${program}.mjs`), {
    env: { ...environment, ...more },
    stdio: [...stdio],
  });
  children.push(child);
  const failed = once(child, 'exit').then(() => Promise.reject(new Error(`${program} failed`)));
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [Message];
  return message;
}

async function stopAll(): Promise<void> {
  for (const child of children) {
    if (child.connected) child.disconnect();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

let code = 1;
try {
  const { url } = await start<{ url: string }>('agent-server', { PORT: '0' });
  const { sessionId } = await start<{ sessionId: string }>('client-app', { AGENT_SERVER_URL: url });
  await stopAll(); // what they still hold is delivered first
  const client = new HoneyHiveClient({
    ...(serverUrl && { serverUrl }),
    ...(HH_API_KEY && { apiKey: HH_API_KEY }),
  });
  const report = await verify(client, sessionId);
  if (flags.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else {
    say(`\nsession ${sessionId}\n${report.tree}\n`);
    if (report.error !== undefined) say(report.error);
    for (const [what, holds] of Object.entries(report.checks)) say(`${holds ? 'yes' : 'NO '}  ${what}`);
  }
  code = report.ok ? 0 : 1;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
}

if (viewer !== undefined && !flags.once && !flags.json) {
  say(`\nLook at the session: ${viewer.url}\nCtrl+C ends.`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}
await stopAll();
model?.server.close();
await viewer?.close();
process.exit(code);
