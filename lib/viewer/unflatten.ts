/**
 * Puts flattened attributes together again: `a.0.b` becomes `{ a: [{ b }] }`.
 *
 * Senders choose the keys, so objects have no prototype, lists are made only where the numbers make a list, and
 * a key that is both a value and a prefix keeps both.
 */
import type { AttributeMap, AttributeValue } from './received-span.js';

const MAX_SEGMENTS = 64;

interface Node {
  value?: AttributeValue;
  children?: Map<string, Node>;
}

/** The object that flattened entries describe. */
export function unflatten(entries: Iterable<readonly [path: string, value: AttributeValue]>): AttributeMap {
  const root: Node = { children: new Map() };
  for (const [path, value] of entries) {
    let node = root;
    for (const segment of segmentsOf(path)) {
      node.children ??= new Map();
      let child = node.children.get(segment);
      if (child === undefined) node.children.set(segment, (child = {}));
      node = child;
    }
    node.value = value;
  }
  const object = Object.create(null) as AttributeMap;
  for (const [key, child] of root.children!) place(object, key, child);
  return object;
}

function segmentsOf(path: string): string[] {
  const segments = path.split('.');
  if (segments.length <= MAX_SEGMENTS) return segments;
  return [...segments.slice(0, MAX_SEGMENTS - 1), segments.slice(MAX_SEGMENTS - 1).join('.')];
}

function place(object: AttributeMap, key: string, node: Node): void {
  if (node.children === undefined) {
    object[key] = node.value!;
  } else if (node.value === undefined) {
    object[key] = build(node.children);
  } else {
    object[key] = node.value;
    for (const [below, child] of node.children) place(object, `${key}.${below}`, child);
  }
}

function build(children: Map<string, Node>): AttributeValue {
  const length = listLength(children);
  const object = Object.create(null) as AttributeMap;
  for (const [key, child] of children) place(object, key, child);
  if (length === undefined) return object;
  // Nulls of a list are not sent, but the indices of what follows them are kept.
  return Array.from({ length }, (_, index) => object[String(index)] ?? null);
}

/** The length of the list that these keys are the indices of; undefined if they make no list. */
function listLength(children: Map<string, Node>): number | undefined {
  let length = 0;
  for (const [key, { value, children: below }] of children) {
    if (!/^(0|[1-9]\d{0,6})$/.test(key)) return undefined;
    if (value !== undefined && below !== undefined) return undefined;
    length = Math.max(length, Number(key) + 1);
  }
  return length <= children.size * 4 + 16 ? length : undefined;
}
