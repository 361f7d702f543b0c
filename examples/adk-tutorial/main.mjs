/** `npm run adk`: compiles the tutorial and runs it. */
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compile } from '../build.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.join(here, 'build');
const programs = ['run', 'agent-server', 'client-app'];
await compile(
  programs.map((name) => path.join(here, `${name}.ts`)),
  folder,
);
await import(pathToFileURL(path.join(folder, 'run.mjs')).href);
