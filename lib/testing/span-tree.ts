/**
 * Spans as a tree of lines, the same in every run: no ids, no times.
 */
import { SpanKind } from '@opentelemetry/api';
import { ATTR_ERROR, ATTR_EVENT_TYPE } from '../conventions.js';
import { singleLine } from '../diagnostics.js';
import { parentIdOf, sessionOf, statusOf, type RecordedSpan } from './span-pattern.js';

/**
 * What a tree shows besides names, kinds, event types, sessions and failures.
 *
 * @category Testing
 */
export interface TreeOptions {
  /** Attributes to show: keys, or true for all. @default [] */
  attributes?: readonly string[] | boolean;
  /** Durations in milliseconds; with fake timers they are the same in every run. @default false */
  durations?: boolean;
  /** Lines at most. @default 200 */
  maxLines?: number;
}

const MAX_TEXT = 120;

/** A span with its children, in the order in which they started. */
interface Node {
  readonly span: RecordedSpan;
  readonly children: Node[];
}

/** Children under their parents, in the given order. */
function grow(spans: readonly RecordedSpan[]): { roots: Node[]; orphans: Set<Node> } {
  const nodes = new Map<string, Node>();
  const idOf = (traceId: string, spanId: string): string => `${traceId}-${spanId}`;
  for (const span of spans) {
    const { traceId, spanId } = span.spanContext();
    nodes.set(idOf(traceId, spanId), { span, children: [] });
  }
  const roots: Node[] = [];
  const orphans = new Set<Node>();
  for (const node of nodes.values()) {
    const parentId = parentIdOf(node.span);
    const parent =
      parentId === undefined ? undefined : nodes.get(idOf(node.span.spanContext().traceId, parentId));
    if (parent !== undefined && parent !== node) {
      parent.children.push(node);
      continue;
    }
    roots.push(node);
    if (parentId !== undefined) orphans.add(node);
  }
  return { roots, orphans };
}

function describeSpan(node: Node, orphan: boolean, above: string | undefined, options: TreeOptions): string {
  const { span } = node;
  const words = [singleLine(span.name, MAX_TEXT)];
  const eventType = span.attributes[ATTR_EVENT_TYPE];
  if (typeof eventType === 'string') words.push(`[${singleLine(eventType, 20)}]`);
  if (span.kind !== SpanKind.INTERNAL) words.push(SpanKind[span.kind] ?? String(span.kind));
  const session = sessionOf(span);
  if (session !== above)
    words.push(session === undefined ? 'no session' : `session=${singleLine(session, 64)}`);
  if (statusOf(span) === 'error') {
    const text = span.status.message ?? span.attributes[ATTR_ERROR];
    words.push(typeof text === 'string' && text !== '' ? `ERROR: ${singleLine(text, MAX_TEXT)}` : 'ERROR');
  }
  if (orphan)
    words.push(span.parentSpanContext?.isRemote === true ? '(parent is remote)' : '(parent not recorded)');
  if (!span.ended) words.push('(still running)');
  else if (options.durations === true) words.push(`${span.duration[0] * 1e3 + span.duration[1] / 1e6} ms`);
  const keys = options.attributes === true ? Object.keys(span.attributes).sort() : options.attributes || [];
  for (const key of keys) {
    if (!Object.hasOwn(span.attributes, key)) continue;
    words.push(singleLine(`${key}=${JSON.stringify(span.attributes[key])}`, MAX_TEXT));
  }
  return words.join(' ');
}

/**
 * Draws spans as a tree, parents above children, in the order in which they are given.
 *
 * @param spans the spans, best in the order in which they started
 * @param options what to show
 * @returns lines such as `└─ chat [model] ERROR: boom`; `(no spans)` if there are none
 */
export function drawTree(spans: readonly RecordedSpan[], options: TreeOptions = {}): string {
  if (spans.length === 0) return '(no spans)';
  const { maxLines = 200 } = options;
  const { roots, orphans } = grow(spans);
  const lines: string[] = [];
  interface Line {
    readonly node: Node;
    readonly indent: string;
    readonly last: boolean;
    readonly root: boolean;
    readonly above: string | undefined;
  }
  // Its own stack, so that a chain of any depth can be drawn.
  const stack: Line[] = [];
  const push = (
    children: readonly Node[],
    indent: string,
    root: boolean,
    above: string | undefined,
  ): void => {
    for (let index = children.length - 1; index >= 0; index--) {
      stack.push({ node: children[index]!, indent, last: index === children.length - 1, root, above });
    }
  };
  push(roots, '', true, undefined);
  let line: Line | undefined;
  while ((line = stack.pop()) !== undefined) {
    if (lines.length >= maxLines) {
      lines.push(`… ${spans.length - lines.length} more`);
      break;
    }
    const { node, indent, last, root, above } = line;
    const branch = root ? '' : last ? '└─ ' : '├─ ';
    lines.push(indent + branch + describeSpan(node, orphans.has(node), above, options));
    push(node.children, root ? indent : indent + (last ? '   ' : '│  '), false, sessionOf(node.span));
  }
  return lines.join('\n');
}
