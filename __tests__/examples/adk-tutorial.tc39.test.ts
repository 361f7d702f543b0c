import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { startModel } from '../../examples/adk-tutorial/model-server.js';
import { startViewer, type Viewer } from '../../lib/viewer/index.js';

// The tutorial ends by itself; this only bounds what a broken one could take.
jest.setTimeout(120_000);

interface Report {
  ok: boolean;
  sessionId: string;
  tree: string;
  checks: Record<string, boolean>;
}

const USER_CALL = `
user_call                                         chain  client-app
└─ call_principal                                 chain  client-app
   ├─ call_agent_1                                chain  client-app
   │  └─ run_agent                                chain  agent-server
   │     └─ invocation                            tool   agent-server
   │        └─ invoke_agent research_agent        chain  agent-server
   │           ├─ call_llm                        model  agent-server
   │           │  └─ execute_tool search_library  tool   agent-server
   │           └─ call_llm                        model  agent-server
   └─ call_agent_2                                chain  client-app
      └─ invocation                               tool   client-app
         └─ invoke_agent analysis_agent           chain  client-app
            └─ call_llm                           model  client-app`.trimStart();

/** Runs the tutorial as users do, as a process with processes of its own. */
function runTutorial(environment: NodeJS.ProcessEnv): Promise<{ code: number | null; report: Report }> {
  return new Promise((resolve, reject) => {
    const keys = { GEMINI_API_KEY: '', GOOGLE_GEMINI_BASE_URL: '', HH_API_KEY: '', HH_API_URL: '' };
    const child = spawn(process.execPath, [path.resolve('examples/adk-tutorial/main.mjs'), '--json'], {
      env: { ...process.env, ...keys, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let complaints = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (complaints += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      try {
        resolve({ code, report: JSON.parse(out) as Report });
      } catch {
        reject(new Error(`the tutorial ended with ${code}: ${complaints}`));
      }
    });
  });
}

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

describe("the tutorial with Google's agents", () => {
  it('is one session with a tree over both processes for each call of the user', async () => {
    const { code, report } = await runTutorial({});
    expect(Object.entries(report.checks).filter(([, holds]) => !holds)).toEqual([]);
    expect(report.tree).toBe(`${USER_CALL}\n${USER_CALL}`);
    expect(code).toBe(0);
  });

  it('goes online by a key: to the model with one, to the backend with the other', async () => {
    const viewer: Viewer = await startViewer({ port: 0 });
    const model = await startModel();
    opened.push(viewer, model.server);
    const keys = new Set<unknown>();
    model.server.on('request', (request) => keys.add(request.headers['x-goog-api-key']));
    const { code, report } = await runTutorial({
      GEMINI_API_KEY: 'key-of-the-model',
      GOOGLE_GEMINI_BASE_URL: model.url,
      HH_API_KEY: 'key-of-the-backend',
      HH_API_URL: viewer.url,
    });
    expect(report.tree).toBe(`${USER_CALL}\n${USER_CALL}`);
    expect([...keys]).toEqual(['key-of-the-model']);
    const reply = await fetch(`${viewer.url}/v1/sessions/${report.sessionId}`);
    expect(((await reply.json()) as { event_name?: string }).event_name).toBe('adk tutorial');
    expect(code).toBe(0);
  });
});
