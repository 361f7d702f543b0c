/**
 * The README's program and the span it promises, taken out of the page and run, so that neither can go stale.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import ts from 'typescript';
import { root } from './entries.mjs';

/** The first block of a language on a page. */
export function codeBlock(page, language) {
  const found = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page);
  if (found === null) throw new Error(`the page has no ${language} block`);
  return found[1];
}

export function readme() {
  const page = readFileSync(path.join(root, 'README.md'), 'utf8');
  return { program: codeBlock(page, 'ts'), span: JSON.parse(codeBlock(page, 'json')) };
}

const attributeValue = (value) =>
  value.stringValue ??
  value.boolValue ??
  value.doubleValue ??
  (value.intValue === undefined ? value.arrayValue?.values?.map(attributeValue) : Number(value.intValue));

/** Receives OTLP/JSON on a free port and keeps the spans, while `body` runs. */
async function receiving(body) {
  const spans = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const sent = Buffer.concat(chunks);
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      for (const resource of JSON.parse(text.toString()).resourceSpans) {
        spans.push(...resource.scopeSpans.flatMap((scope) => scope.spans));
      }
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  return spans.map(({ name, attributes }) => ({
    name,
    attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, attributeValue(value)])),
  }));
}

/**
 * Runs the program in a folder where `spanwise` can be imported, compiled with one of the decorator protocols.
 *
 * @returns what it printed and the spans it sent, with ids replaced by what the README writes for them
 */
export async function runProgram(program, folder, legacy) {
  const { outputText } = ts.transpileModule(program, {
    compilerOptions: { target: 'ES2022', module: 'ESNext', experimentalDecorators: legacy },
  });
  const file = path.join(folder, `readme-${legacy ? 'legacy' : 'standard'}.mjs`);
  writeFileSync(file, outputText);
  let printed;
  const spans = await receiving(async (endpoint) => {
    const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
    const env = { PATH: process.env.PATH, ...settings };
    const run = promisify(execFile)(process.execPath, [file], { cwd: folder, env, timeout: 30_000 });
    const { stdout, stderr } = await run;
    printed = stdout + stderr;
  });
  const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  for (const { attributes } of spans) {
    for (const [key, value] of Object.entries(attributes)) if (uuid.test(value)) attributes[key] = '<uuid>';
  }
  return { printed, spans };
}
