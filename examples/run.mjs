/**
 * `npm run example -- http/express`: compiles one example and runs it. Without a name it lists what there is.
 *
 * An example sends its spans to the viewer if one listens (`npx spanwise viewer`), and prints them as a tree, which
 * stands at its top as well: a test compares the two.
 */
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startBrokers } from '../.ci/brokers.mjs';
import { compile } from './build.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Folders in which every file is an example by itself. */
const FOLDERS = ['http', 'messages'];
/** Folders that are one example: `main.ts`, and programs that it starts. */
const WHOLE = ['lambda', 'register', 'workers'];

/** The names of all single examples: `http/express`, `workers` and so on. */
export function exampleNames() {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(here, folder), { withFileTypes: true })
      .map((entry) =>
        entry.isDirectory() ? `${folder}/${entry.name}` : `${folder}/${path.basename(entry.name, '.ts')}`,
      )
      .filter((name) => existsSync(sourceOf(name))),
  );
  return [...inFolders, ...WHOLE].sort();
}

/** Examples that need a broker, and which; its address is in BROKER_URL. */
const BROKERS = {
  'messages/bullmq': 'redis',
  'messages/kafka': 'kafka',
  'messages/mqtt': 'mqtt',
  'messages/nats': 'nats',
  'messages/nestjs': 'rabbitmq',
  'messages/rabbitmq': 'rabbitmq',
};

/** The broker that an example needs, as `.ci/brokers.mjs` names it. */
export function brokerOf(name) {
  return BROKERS[name];
}

/** The file of an example: `http/koa.ts`, or `http/nestjs/main.ts` where it has a folder for its tsconfig.json. */
export function sourceOf(name) {
  const file = path.join(here, `${name}.ts`);
  return existsSync(file) ? file : path.join(here, name, 'main.ts');
}

/**
 * Compiles examples into a folder of their own.
 *
 * @returns the compiled files by name, and what removes them
 */
export async function compileExamples(names) {
  const built = path.join(here, 'build');
  mkdirSync(built, { recursive: true });
  const folder = mkdtempSync(path.join(built, 'run-'));
  const programs = Object.fromEntries(names.map((name) => [name.replaceAll('/', '-'), sourceOf(name)]));
  for (const name of names.filter((known) => WHOLE.includes(known))) {
    for (const file of readdirSync(path.join(here, name))) {
      const other = path.basename(file, '.ts');
      if (file.endsWith('.ts') && other !== 'main')
        programs[`${name}-${other}`] = path.join(here, name, file);
    }
  }
  await compile(programs, folder);
  return {
    fileOf: (name) => path.join(folder, `${name.replaceAll('/', '-')}.mjs`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Whether something is configured, or listens where spans go by default. */
async function hasBackend() {
  if (process.env['HH_API_KEY'] || process.env['OTEL_EXPORTER_OTLP_ENDPOINT']) return true;
  const socket = connect(4318, 'localhost');
  const listens = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return listens;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name] = process.argv.slice(2);
  if (!exampleNames().includes(name)) {
    process.stdout.write(
      `Examples:\n${exampleNames()
        .map((known) => `  npm run example -- ${known}\n`)
        .join('')}`,
    );
    process.exitCode = name === undefined ? 0 : 2;
  } else {
    const { fileOf, remove } = await compileExamples([name]);
    process.once('exit', remove);
    if (!(await hasBackend())) {
      process.env['HH_TEST_MODE'] = '1';
      process.stdout.write('(no viewer listens: the spans are printed, and not sent)\n\n');
    }
    const broker = brokerOf(name);
    const brokers =
      broker === undefined || process.env['BROKER_URL'] ? undefined : await startBrokers(broker);
    if (brokers !== undefined) process.env['BROKER_URL'] = brokers.places[broker].url;
    await import(pathToFileURL(fileOf(name)).href);
    await brokers?.stop();
  }
}
