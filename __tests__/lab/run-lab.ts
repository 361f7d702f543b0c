/** Runs the concurrency lab as users do: as a process with processes of its own. */
import { spawn } from 'node:child_process';
import path from 'node:path';

export interface Outcome {
  ok: boolean;
  sessions: number;
  failedAsPlanned: number;
  threw: number;
  gaveUp: number;
  interrupted: number;
  spans: number;
  mixed: number;
  orphans: number;
  missing: number;
  complaints: string;
  faults: Record<string, number>;
  /** Of the check only: the test server's answer. */
  summary: { status: string; sessions_run: number; results: Record<string, unknown>[] };
  /** Of the stress only. */
  loads: {
    where: string;
    requestsPerSecond: number;
    medianMs: number;
    errors: number;
    non2xx: number;
    sessions?: number;
    holds?: boolean;
  }[];
  ratios: Record<string, number>;
  waves: { where: string; failed: number; spans: number; largestBatch: number }[];
}

/** Gives what it printed as JSON, and its exit code. */
export function runLab(...args: string[]): Promise<{ code: number | null; outcome: Outcome }> {
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
