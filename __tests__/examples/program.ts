/** An example as the tests see it: what it says of itself, and what it prints. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** What an example says that it prints: the block of text in the comment at its top. */
export function promised(source: string): { shows: string; output: string | undefined } {
  const [, comment = ''] = /^\/\*\*\n([\s\S]*?)\n \*\//.exec(readFileSync(source, 'utf8')) ?? [];
  const text = comment.replaceAll(/^ \* ?/gm, '');
  const [, shows = '', output] = /^([\s\S]*?)\n```text\n([\s\S]*?)\n```$/.exec(text) ?? [];
  return { shows, output };
}

/** Runs it as a process of its own, without network beyond what it opens itself; ids that differ are left out. */
export async function runExample(file: string, further: Record<string, string> = {}): Promise<string> {
  const env = { PATH: process.env['PATH'], HH_TEST_MODE: '1', NO_COLOR: '1', ...further };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { env, timeout: 30_000 });
  return (stdout + stderr).trimEnd().replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>');
}
