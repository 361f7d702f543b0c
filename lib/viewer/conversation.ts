/** What models were told and what they said, in the order of time: a session as people read it. */
import { MODEL_ATTRIBUTES, MODEL_INPUT_ATTRIBUTES, MODEL_OUTPUT_ATTRIBUTES } from '../conventions.js';
import type { HoneyHiveEvent, JsonObject } from '../honeyhive/event.js';
import { serviceOfItem } from './item.js';
import type { Conversation, ConversationMessage } from './page-model.js';
import type { Store } from './store.js';
import { unflatten } from './unflatten.js';
import { usageOf } from './usage-of.js';

const MAX_TURNS = 500;
const MAX_MESSAGES = 200;

/** The calls of models in a session; undefined if there is no such session. */
export function conversationOf(store: Store, sessionId: string): Conversation | undefined {
  const entry = store.session(sessionId);
  if (entry === undefined) return undefined;
  const turns: Conversation['turns'] = [];
  for (const { items } of store.entriesOf(entry)) {
    for (const item of items.values()) {
      const event = store.present(item);
      if (event.event_type !== 'model') continue;
      turns.push({
        key: item.key,
        name: event.event_name,
        service: serviceOfItem(item),
        model: modelOf(event),
        start: event.start_time,
        end: event.end_time,
        error: event.error,
        ...usageOf(item, store.updateOf(item.eventId)),
        input: told(event.inputs, event.metadata, MODEL_INPUT_ATTRIBUTES, 'user'),
        output: told(event.outputs, event.metadata, MODEL_OUTPUT_ATTRIBUTES, 'assistant'),
      });
    }
  }
  turns.sort((a, b) => a.start - b.start);
  return { turns: turns.slice(0, MAX_TURNS), total: turns.length };
}

const MODEL_KEYS = ['model', 'model_name', ...MODEL_ATTRIBUTES];

function modelOf({ config, metadata, inputs }: HoneyHiveEvent): string | null {
  for (const place of [config, metadata, inputs]) {
    for (const key of MODEL_KEYS) if (typeof place[key] === 'string') return place[key];
  }
  return null;
}

/** Where the fields of an event keep messages, most exact first. */
const MESSAGE_FIELDS = [
  'chat_history',
  'messages',
  'choices',
  'candidates',
  'contents',
  'content',
  'message',
];

function told(
  field: JsonObject,
  metadata: JsonObject,
  attributes: readonly string[],
  role: string,
): ConversationMessage[] {
  for (const name of attributes) {
    const messages = messagesIn(attributeTree(metadata, name), role);
    if (messages.length > 0) return messages.slice(-MAX_MESSAGES);
  }
  for (const name of MESSAGE_FIELDS) {
    if (!Object.hasOwn(field, name)) continue;
    // A field of messages may itself say whose they are: { role, content }.
    const messages = messagesIn(name === 'content' || name === 'message' ? field : field[name], role);
    if (messages.length > 0) return messages.slice(-MAX_MESSAGES);
  }
  // Whatever else it was: the only value, or all of them.
  const values = Object.values(field);
  if (values.length === 0) return [];
  const whole = values.length === 1 ? values[0] : field;
  return [{ role, text: textOf(whole), isData: typeof whole !== 'string' }];
}

/** An attribute by its name, or what is flattened below it: `gen_ai.prompt.0.role`. */
function attributeTree(metadata: JsonObject, name: string): unknown {
  if (Object.hasOwn(metadata, name)) return parsed(metadata[name]);
  const below = Object.entries(metadata).filter(([key]) => key.startsWith(`${name}.`));
  if (below.length === 0) return undefined;
  return unflatten(below.map(([key, value]) => [key.slice(name.length + 1), value as never]));
}

function messagesIn(value: unknown, role: string): ConversationMessage[] {
  const found = parsed(value);
  if (typeof found === 'string') return found === '' ? [] : [{ role, text: found, isData: false }];
  const list = Array.isArray(found)
    ? found
    : isObject(found) && isList(found)
      ? Object.values(found)
      : [found];
  return list.flatMap((one) => messageOf(one, role));
}

function messageOf(value: unknown, role: string): ConversationMessage[] {
  if (typeof value === 'string') return [{ role, text: value, isData: false }];
  if (!isObject(value)) return [];
  // OpenAI's choices and OpenInference's lists hold the message one level below.
  const inner = isObject(value['message']) ? value['message'] : value;
  const content = inner['content'] ?? inner['parts'] ?? inner['text'] ?? inner['tool_calls'];
  if (content === undefined || content === null) return [];
  const said = typeof inner['role'] === 'string' ? inner['role'] : role;
  const text = textOf(content);
  const calls = inner['content'] && inner['tool_calls'] ? `\n${textOf(inner['tool_calls'])}` : '';
  return [{ role: said, text: text + calls, isData: isData(content) }];
}

/** Text parts are joined; what is no text is shown as JSON. */
function textOf(content: unknown): string {
  const found = parsed(content);
  if (typeof found === 'string') return found;
  if (Array.isArray(found)) return found.map(partText).join('\n');
  return isObject(found) ? partText(found) : (JSON.stringify(found) ?? '');
}

function partText(part: unknown): string {
  if (typeof part === 'string') return part;
  if (!isObject(part)) return String(part);
  const text = part['text'] ?? part['content'];
  if (isObject(part['content'])) return textOf(part['content']);
  return typeof text === 'string' ? text : JSON.stringify(part, null, 2);
}

function isData(content: unknown): boolean {
  const found = parsed(content);
  if (typeof found === 'string') return false;
  const parts = Array.isArray(found) ? found : [found];
  return parts.some((part) => isObject(part) && typeof (part['text'] ?? part['content']) !== 'string');
}

function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** An object whose keys are 0, 1, 2, as flattened lists come back. */
function isList(value: JsonObject): boolean {
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => /^\d+$/.test(key));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
