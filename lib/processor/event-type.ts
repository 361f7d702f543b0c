/**
 * What kind of HoneyHive event a span is, where nobody said so.
 *
 * HoneyHive's Python SDK also guesses from substrings of the span name, which makes a model call of every
 * `google_search` and `email_…`; here only attributes count.
 */
import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_EVENT_TYPE,
  ATTR_EVENT_TYPE_RAW,
  ATTR_GEN_AI_OPERATION,
  ATTR_OPENINFERENCE_KIND,
  EVENT_TYPES,
  MODEL_ATTRIBUTES,
  type EventType,
} from '../conventions.js';

const BY_OPERATION: Readonly<Record<string, EventType>> = {
  __proto__: null as never,
  chat: 'model',
  text_completion: 'model',
  generate_content: 'model',
  invoke_agent: 'chain',
  create_agent: 'chain',
  execute_tool: 'tool',
};

const BY_OPENINFERENCE: Readonly<Record<string, EventType>> = {
  __proto__: null as never,
  LLM: 'model',
  CHAIN: 'chain',
  AGENT: 'chain',
};

// What is looked for below: one look at each of the few attributes that are there, not at eight that might be.
const TELLING: ReadonlySet<string> = new Set([
  ATTR_EVENT_TYPE,
  ATTR_EVENT_TYPE_RAW,
  ATTR_GEN_AI_OPERATION,
  ATTR_OPENINFERENCE_KIND,
  ...MODEL_ATTRIBUTES,
]);

/**
 * Tells a span's event type from the attributes that it starts with.
 *
 * @param attributes the span's attributes at its start
 * @returns the type to set, or undefined when a specific one is there already
 */
export function detectEventType(attributes: Attributes): EventType | undefined {
  for (const key in attributes) if (TELLING.has(key)) return tellEventType(attributes);
  return 'tool';
}

/**
 * Tells the event type of a span that another library has made, from the attributes that it ends with: agent
 * frameworks say what a span is only after it has started.
 *
 * @param attributes the span's attributes at its end
 * @returns the type to set, or undefined if what is there stands
 */
export function detectLateEventType(attributes: Attributes): EventType | undefined {
  return attributes[ATTR_EVENT_TYPE] === 'tool' ? tellEventType(attributes) : undefined;
}

function tellEventType(attributes: Attributes): EventType | undefined {
  const given = attributes[ATTR_EVENT_TYPE];
  if (given !== undefined && given !== 'tool') return undefined;
  const raw = attributes[ATTR_EVENT_TYPE_RAW];
  if (typeof raw === 'string' && (EVENT_TYPES as readonly string[]).includes(raw)) return raw as EventType;
  const operation = attributes[ATTR_GEN_AI_OPERATION];
  if (typeof operation === 'string' && BY_OPERATION[operation] !== undefined) return BY_OPERATION[operation];
  const kind = attributes[ATTR_OPENINFERENCE_KIND];
  if (typeof kind === 'string') return BY_OPENINFERENCE[kind] ?? 'tool';
  for (const key of MODEL_ATTRIBUTES) if (attributes[key] !== undefined) return 'model';
  return given === undefined ? 'tool' : undefined;
}
