import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DIAGNOSTIC_CODES } from '../../lib/diagnostics.js';

const page = readFileSync('docs/guides/troubleshooting.md', 'utf8');
const rows = page.split('\n').filter((line) => /^\| `SPW_/.test(line));

describe('the troubleshooting page', () => {
  it('explains every code, once, and no other', () => {
    const explained = rows.map((row) => /`(SPW_[A-Z_]+)`/.exec(row)?.[1]);
    expect(explained).toEqual([...new Set(explained)]);
    expect([...explained].sort()).toEqual(Object.keys(DIAGNOSTIC_CODES).sort());
  });

  it('gives a symptom, a cause and a remedy for each', () => {
    const cells = rows.map((row) =>
      row
        .split('|')
        .slice(2, -1)
        .map((cell) => cell.trim()),
    );
    expect(cells.filter((row) => row.length !== 3 || row.some((cell) => cell.length < 10))).toEqual([]);
  });
});
