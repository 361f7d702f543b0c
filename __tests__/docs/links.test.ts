import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => existsSync(file));

/** A page without its code, in which nothing is a link. */
function prose(file: string): string {
  return readFileSync(file, 'utf8')
    .replaceAll(/^```[^]*?^```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, '');
}

/** The anchors of a page's headings, as GitHub and the site make them. */
function anchors(file: string): Set<string> {
  const headings = readFileSync(file, 'utf8')
    .replaceAll(/^```[^]*?^```$/gm, '')
    .matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

function broken(file: string): string[] {
  const links = [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.flatMap((link) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [name = '', anchor] = link.split('#');
    const target = name === '' ? file : path.join(path.dirname(file), name);
    if (!existsSync(target)) return [`${file}: ${link} is not there`];
    const found = anchor === undefined || !target.endsWith('.md') || anchors(target).has(anchor);
    return found ? [] : [`${file}: ${link} has no such heading`];
  });
}

describe('the links of every page in the repository', () => {
  it('lead somewhere', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.flatMap(broken)).toEqual([]);
  });
});
