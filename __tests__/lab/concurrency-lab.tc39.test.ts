import { spawn } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';

/** The full size is 100,000; a tenth of it takes minutes where the machine is busy, so it is asked for. */
const LONG = process.env['SPANWISE_LONG'] === '1';
// The lab ends by itself; this only bounds what a broken one could take.
jest.setTimeout(LONG ? 600_000 : 180_000);

interface Outcome {
  ok: boolean;
  sessions: number;
  failedAsPlanned: number;
  spans: number;
  mixed: number;
  orphans: number;
  missing: number;
  complaints: string;
  faults: Record<string, number>;
  waves: { where: string; failed: number; largestBatch: number }[];
}

/** Runs the lab as users do, as a process with processes of its own. */
function runLab(...args: string[]): Promise<{ code: number | null; outcome: Outcome }> {
  return new Promise((resolve, reject) => {
    const script = path.resolve('examples/concurrency-lab/run.mjs');
    const child = spawn(process.execPath, [script, '--once', '--json', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let complaints = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (complaints += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      try {
        resolve({ code, outcome: JSON.parse(out) as Outcome });
      } catch {
        reject(new Error(`the lab ended with ${code}: ${complaints}`));
      }
    });
  });
}

const WHOLE = { ok: true, mixed: 0, orphans: 0, missing: 0, complaints: '', faults: {} };

describe('the concurrency lab', () => {
  it('keeps sessions apart on one event loop and in worker threads', async () => {
    const { code, outcome } = await runLab('--mode', 'check', '--sessions', '6');
    // 3 spans of the client and 8 of the agent server per session.
    expect(outcome).toMatchObject({ ...WHOLE, sessions: 12, spans: 12 * 11, failedAsPlanned: 0 });
    expect(outcome.waves.map(({ where }) => where)).toEqual(['one event loop', '2 worker threads']);
    expect(code).toBe(0);
  });

  const [sessions, concurrency] = LONG ? ['10000', '2000'] : ['150', '75'];
  it(`keeps ${sessions} sessions apart that fail, give up and lose their server`, async () => {
    const { code, outcome } = await runLab(
      '--mode',
      'chaos',
      '--sessions',
      sessions,
      '--concurrency',
      concurrency,
    );
    expect(outcome).toMatchObject(WHOLE);
    expect(outcome.sessions).toBeGreaterThan(Number(sessions));
    // Planned errors did happen, and requests did share batches.
    expect(outcome.waves[0]!.failed).toBeGreaterThan(0);
    expect(outcome.waves[0]!.largestBatch).toBeGreaterThan(1);
    expect(code).toBe(0);
  });
});
