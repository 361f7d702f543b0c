/**
 * Which attribute values there are, and how they are cut. No hook of a hostile value runs unguarded.
 */
import type { AttributeValue } from '@opentelemetry/api';

/** Tells whether a value may be an attribute: a string, number or boolean, or an array of one of them. */
export function isAttributeValue(value: unknown): value is AttributeValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return true;
    case 'object':
      return isHomogeneous(value);
    default:
      return false;
  }
}

function isHomogeneous(value: object | null): boolean {
  try {
    if (!Array.isArray(value)) return false;
    let type: string | undefined;
    for (let at = 0; at < value.length; at++) {
      const element: unknown = value[at];
      if (element === null || element === undefined) continue;
      const found = typeof element;
      if (type === undefined) {
        if (found !== 'string' && found !== 'number' && found !== 'boolean') return false;
        type = found;
      } else if (type !== found) {
        return false;
      }
    }
    return true;
  } catch {
    // A revoked proxy, or one whose traps throw.
    return false;
  }
}

/** The value as it is stored: strings cut to `limit` characters, arrays copied so that later changes stay out. */
export function stored(value: AttributeValue, limit: number): AttributeValue {
  if (typeof value === 'string') return value.length > limit ? value.slice(0, limit) : value;
  if (typeof value !== 'object') return value;
  const copy: unknown[] = [];
  for (let at = 0; at < value.length; at++) {
    const element = value[at];
    copy.push(typeof element === 'string' && element.length > limit ? element.slice(0, limit) : element);
  }
  return copy as AttributeValue;
}
