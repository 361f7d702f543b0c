/** One row of a session as the page draws it. */
import {
  ATTR_OLD_URL,
  ATTR_TRUNCATED,
  ATTR_URL_FULL,
  PEER_HOST_ATTRIBUTES,
  PEER_NAME_ATTRIBUTES,
  PEER_PORT_ATTRIBUTES,
} from '../conventions.js';
import { errorOfItem, serviceOfItem, spanKey, timesOfItem, type Item } from './item.js';
import type { Row } from './page-model.js';
import type { ReceivedSpan } from './received-span.js';
import { eventTypeOf, textAttribute } from './span-to-event.js';
import type { Store } from './store.js';
import { usageOf } from './usage-of.js';

export function rowOf(store: Store, item: Item): Row {
  const [start, end] = timesOfItem(item);
  const { span } = item;
  const { tokens, cost } = usageOf(item, store.updateOf(item.eventId));
  return {
    key: item.key,
    id: span?.spanId ?? item.eventId,
    parent: parentKeyOf(store, item),
    trace: span?.traceId ?? null,
    name: span?.name ?? item.event!.event_name,
    service: serviceOfItem(item),
    kind: span?.kind ?? 'event',
    type: span === undefined ? item.event!.event_type : eventTypeOf(span),
    start,
    end,
    error: errorOfRow(store, item),
    stamped: item.stamped,
    peer: span === undefined ? null : peerOf(span),
    tokens,
    cost,
    dropped: span?.dropped ?? 0,
    truncated: span?.attributes[ATTR_TRUNCATED] === true,
  };
}

function parentKeyOf(store: Store, item: Item): string | null {
  const { span } = item;
  if (span !== undefined) {
    return span.parentSpanId === undefined ? null : spanKey(span.traceId, span.parentSpanId);
  }
  const parentId = item.event!.parent_id;
  return parentId === item.sessionId || typeof parentId !== 'string' ? null : store.keyOfEvent(parentId);
}

function errorOfRow(store: Store, item: Item): string | null {
  const updated = store.updateOf(item.eventId)?.['error'];
  return typeof updated === 'string' ? updated : errorOfItem(item);
}

/** Where a call went to, as its span says: a service, a queue, a kind of database, or a host with its port. */
function peerOf({ kind, attributes }: ReceivedSpan): string | null {
  if (kind !== 'client' && kind !== 'producer') return null;
  const name = textAttribute(attributes, ...PEER_NAME_ATTRIBUTES);
  if (name !== undefined) return name;
  const host = textAttribute(attributes, ...PEER_HOST_ATTRIBUTES);
  const port = PEER_PORT_ATTRIBUTES.map((key) => attributes[key]).find((value) => value !== undefined);
  if (host !== undefined) return port === undefined ? host : `${host}:${String(port)}`;
  const url = textAttribute(attributes, ATTR_URL_FULL, ATTR_OLD_URL);
  return url !== undefined && URL.canParse(url) ? new URL(url).host : null;
}
