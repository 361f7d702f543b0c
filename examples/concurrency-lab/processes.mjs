/** Builds what a new clone lacks, and starts and stops the lab's processes. */
import { execFile, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');

/** Installs and builds, so that one command is enough. */
export function prepare(say) {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const run = (command, args) =>
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (!existsSync(path.join(root, 'node_modules/typescript'))) {
    say('installing…');
    run(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  if (newest(path.join(root, 'lib')) > modified(path.join(root, 'dist/index.js'))) {
    say('building…');
    run(npm, ['run', '--silent', 'build']);
  }
  const built = modified(path.join(here, 'build/agent/main.js'));
  if (built < modified(path.join(root, 'dist/index.js')) || built < newest(here, 'build')) {
    run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', here]);
  }
}

/** A server of the lab as a process; what it says on stderr is kept, because it must say nothing. */
export async function startServer(part, environment) {
  const child = fork(path.join(here, `build/${part}/main.js`), {
    env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: '', ...environment },
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const complaints = [];
  child.stderr.on('data', (chunk) => complaints.push(String(chunk)));
  const ended = once(child, 'exit');
  const [{ url }] = await Promise.race([
    once(child, 'message'),
    ended.then(() => Promise.reject(new Error(`the ${part} server did not start: ${complaints.join('')}`))),
  ]);
  /** Sends a word and gives the answer that has the field. */
  const ask = (word, field) =>
    new Promise((resolve) => {
      const listen = (message) => {
        if (!(field in message)) return;
        child.off('message', listen);
        resolve(message[field]);
      };
      child.on('message', listen);
      child.send(word);
    });
  let last;
  child.on('message', (message) => {
    if ('tally' in message) last = message.tally;
  });
  return {
    url,
    complaints,
    ask,
    /** Ends it; gives what it counted. */
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        await ended;
      }
      return last;
    },
  };
}

/** Runs `spanwise verify --from` over results; resolves to its report. */
export async function verify(viewerUrl, results, more = []) {
  const folder = mkdtempSync(path.join(tmpdir(), 'spanwise-lab-'));
  const file = path.join(folder, 'results.json');
  writeFileSync(file, JSON.stringify(results));
  try {
    return await new Promise((resolve, reject) => {
      const args = [path.join(root, 'dist/cli.js'), 'verify', '--from', file, '--url', viewerUrl];
      execFile(
        process.execPath,
        // A busy machine may begin work for a call long after its caller gave up.
        ['--max-old-space-size=1024', ...args, '--json', '--skew', '60000', ...more],
        { maxBuffer: 2 ** 30 },
        (error, out, complaints) => {
          try {
            resolve(JSON.parse(out));
          } catch {
            reject(new Error(`the verifier failed: ${complaints || String(error)}`));
          }
        },
      );
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function modified(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}

function newest(folder, except) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === except || entry.name === 'node_modules') continue;
    const file = path.join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(file) : modified(file));
  }
  return latest;
}
