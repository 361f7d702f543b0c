/**
 * Writes the entries into package.json (`exports`, `bin`) and typedoc.json from their table.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { entries, packageFields, root } from './entries.mjs';

const write = async (to, content) =>
  writeFileSync(to, await format(JSON.stringify(content, null, 2), { filepath: to, printWidth: 110 }));

const file = path.join(root, 'package.json');
const manifest = JSON.parse(readFileSync(file, 'utf8'));
const { exports, bin } = packageFields();

const written = {};
for (const [key, value] of Object.entries(manifest)) {
  if (key === 'bin') continue;
  written[key] = key === 'exports' ? exports : value;
  if (key === 'exports' && bin !== undefined) written.bin = bin;
}
await write(file, written);

const docs = path.join(root, 'typedoc.json');
const settings = JSON.parse(readFileSync(docs, 'utf8'));
settings.entryPoints = entries().map(({ source }) => source);
await write(docs, settings);
