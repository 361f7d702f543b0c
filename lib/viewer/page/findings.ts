/** What looks wrong with a session, each with what it may mean and where it is seen. */
import type { SessionRows } from '../page-model.js';
import { count, duration } from './format.js';
import type { Forest, ForestNode } from './tree.js';

export type FindingKind =
  'mixed' | 'orphan' | 'missing-remote' | 'clock-skew' | 'unnamed' | 'dropped' | 'truncated';

export interface Finding {
  readonly kind: FindingKind;
  readonly text: string;
  readonly advice: string;
  /** The rows that show it. */
  readonly keys: readonly string[];
}

/** Clocks of two processes on one machine differ by less; anything above is told. */
const SKEW_MS = 2;

/** Everything that is found, what breaks a session first. */
export function findingsOf(forest: Forest, mixed: SessionRows['mixed']): Finding[] {
  const nodes = [...forest.nodes.values()];
  return [
    ...mixedSessions(nodes, mixed),
    ...orphans(nodes),
    ...missingRemotes(nodes),
    ...clockSkews(nodes),
    ...unnamed(nodes),
    ...cut(nodes),
  ];
}

function mixedSessions(nodes: readonly ForestNode[], mixed: SessionRows['mixed']): Finding[] {
  if (mixed.length === 0) return [];
  const traces = new Set(mixed.map(({ trace }) => trace));
  const others = new Set(mixed.flatMap(({ sessions }) => sessions));
  return [
    {
      kind: 'mixed',
      text: `${count(mixed.length, 'trace')} of this session ${mixed.length === 1 ? 'is' : 'are'} also in ${[...others].slice(0, 3).join(', ')}${others.size > 3 ? ` and ${others.size - 3} more` : ''}`,
      advice:
        'One trace belongs to one session: look for a context that was lost or shared between requests.',
      keys: keysOf(nodes.filter(({ row }) => row.trace !== null && traces.has(row.trace))),
    },
  ];
}

function orphans(nodes: readonly ForestNode[]): Finding[] {
  const found = nodes.filter(({ row, parent }) => parent === undefined && row.parent !== null);
  if (found.length === 0) return [];
  return [
    {
      kind: 'orphan',
      text: `${count(found.length, 'span')} whose parent never came`,
      advice: 'Its sender did not export it (yet), sampled it out, or ended before it was flushed.',
      keys: keysOf(found),
    },
  ];
}

/** Calls to a place that answers others with spans, but not these. */
function missingRemotes(nodes: readonly ForestNode[]): Finding[] {
  const answers = ({ row, children }: ForestNode) =>
    children.some((child) => child.row.service !== row.service);
  const calls = nodes.filter(({ row }) => row.peer !== null);
  const answering = new Set(calls.filter(answers).map(({ row }) => row.peer));
  const found = calls.filter((node) => answering.has(node.row.peer) && !answers(node));
  if (found.length === 0) return [];
  return [
    {
      kind: 'missing-remote',
      text: `${count(found.length, 'call')} without a remote child, to a service that answered other calls with one`,
      advice:
        'The trace headers did not arrive, the callee’s spans are missing, or the call failed before it got there.',
      keys: keysOf(found),
    },
  ];
}

/** Remote children that begin before their caller or end after it, told once for each pair of services. */
function clockSkews(nodes: readonly ForestNode[]): Finding[] {
  const pairs = new Map<string, { from: string; to: string; keys: string[]; most: number }>();
  for (const { row, parent } of nodes) {
    if (parent === undefined || parent.row.service === row.service || parent.row.kind === 'producer')
      continue;
    const early = parent.row.start - row.start;
    // A remote span may go on after its caller hung up, but not be over before it was asked for.
    const late = row.end - row.start <= parent.row.end - parent.row.start ? row.end - parent.row.end : 0;
    const skew = Math.max(early, late);
    if (skew <= SKEW_MS) continue;
    const id = JSON.stringify([parent.row.service, row.service]);
    const pair = pairs.get(id) ?? { from: parent.row.service, to: row.service, keys: [], most: 0 };
    pairs.set(id, pair);
    pair.keys.push(row.key);
    pair.most = Math.max(pair.most, skew);
  }
  return Array.from(pairs.values(), ({ from, to, keys, most }) => ({
    kind: 'clock-skew' as const,
    text: `the clocks of ${from} and ${to} differ by ${duration(most)} or more`,
    advice: 'Times between these services cannot be compared; synchronise their clocks.',
    keys,
  }));
}

function unnamed(nodes: readonly ForestNode[]): Finding[] {
  const found = nodes.filter(({ row }) => !row.stamped);
  if (found.length === 0 || found.length === nodes.length) return [];
  return [
    {
      kind: 'unnamed',
      text: `${count(found.length, 'span')} that name no session`,
      advice:
        'They are shown here because their trace is; a backend that groups by session will not find them.',
      keys: keysOf(found),
    },
  ];
}

function cut(nodes: readonly ForestNode[]): Finding[] {
  const findings: Finding[] = [];
  const dropped = nodes.filter(({ row }) => row.dropped > 0);
  if (dropped.length > 0) {
    const sum = dropped.reduce((total, { row }) => total + row.dropped, 0);
    findings.push({
      kind: 'dropped',
      text: `the sender dropped ${count(sum, 'attribute, event or link', 'attributes, events or links')} of ${count(dropped.length, 'span')}`,
      advice: 'The limits of the sender’s SDK were reached (OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT and the like).',
      keys: keysOf(dropped),
    });
  }
  const truncated = nodes.filter(({ row }) => row.truncated);
  if (truncated.length > 0) {
    findings.push({
      kind: 'truncated',
      text: `${count(truncated.length, 'span')} whose payload was cut`,
      advice:
        'More was handed over than the limits of capture allow; enrich the span with what matters of it.',
      keys: keysOf(truncated),
    });
  }
  return findings;
}

function keysOf(nodes: readonly ForestNode[]): string[] {
  return nodes.map(({ row }) => row.key);
}
