/** A reader of OTLP requests, protobuf and JSON, written against the specification and not against our encoders. */

export interface DecodedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  name: string;
  kind: number;
  start: string;
  end: string;
  attributes: Record<string, unknown>;
  droppedAttributesCount: number;
  events: { time: string; name: string; attributes: Record<string, unknown>; dropped: number }[];
  droppedEventsCount: number;
  links: {
    traceId: string;
    spanId: string;
    traceState: string;
    attributes: Record<string, unknown>;
    dropped: number;
    flags: number;
  }[];
  droppedLinksCount: number;
  status: { code: number; message: string };
  flags: number;
}

export interface DecodedScope {
  name: string;
  version: string;
  schemaUrl: string;
  spans: DecodedSpan[];
}

export interface DecodedResource {
  attributes: Record<string, unknown>;
  schemaUrl: string;
  scopes: DecodedScope[];
}

type Field = { number: number; wire: number; big: bigint; bytes: Buffer };

function fields(bytes: Buffer): Field[] {
  const list: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('truncated varint');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
      shift += 7n;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (wire === 0) {
      list.push({ number, wire, big: varint(), bytes: Buffer.alloc(0) });
    } else {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? Number(varint()) : NaN;
      if (!(at + length <= bytes.length))
        throw new Error(`field ${number} of wire type ${wire} is truncated`);
      list.push({ number, wire, big: 0n, bytes: bytes.subarray(at, at + length) });
      at += length;
    }
  }
  return list;
}

const text = (field: Field): string => field.bytes.toString('utf8');

function anyValue(bytes: Buffer): unknown {
  let value: unknown = null;
  for (const field of fields(bytes)) {
    if (field.number === 1) value = text(field);
    if (field.number === 2) value = field.big === 1n;
    if (field.number === 3) value = Number(BigInt.asIntN(64, field.big));
    if (field.number === 4) value = field.bytes.readDoubleLE();
    if (field.number === 5) value = fields(field.bytes).map((item) => anyValue(item.bytes));
    if (field.number === 6) value = keyValues(fields(field.bytes));
    if (field.number === 7) value = `base64:${field.bytes.toString('base64')}`;
  }
  return value;
}

function keyValues(list: Field[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const item of list) {
    let key = '';
    let value: unknown = null;
    for (const field of fields(item.bytes)) {
      if (field.number === 1) key = text(field);
      if (field.number === 2) value = anyValue(field.bytes);
    }
    result[key] = value;
  }
  return result;
}

function protoSpan(bytes: Buffer): DecodedSpan {
  const all = fields(bytes);
  const one = (list: Field[], number: number): Field | undefined =>
    list.filter((f) => f.number === number).at(-1);
  const string = (list: Field[], number: number): string => one(list, number)?.bytes.toString('utf8') ?? '';
  const hex = (list: Field[], number: number): string => one(list, number)?.bytes.toString('hex') ?? '';
  const int = (list: Field[], number: number): number => Number(one(list, number)?.big ?? 0n);
  const time = (list: Field[], number: number): string =>
    String(one(list, number)?.bytes.readBigUInt64LE() ?? 0n);
  const fixed = (list: Field[], number: number): number => one(list, number)?.bytes.readUInt32LE() ?? 0;
  const map = (list: Field[], number: number) => keyValues(list.filter((f) => f.number === number));
  const status = fields(one(all, 15)?.bytes ?? Buffer.alloc(0));
  return {
    traceId: hex(all, 1),
    spanId: hex(all, 2),
    parentSpanId: hex(all, 4),
    traceState: string(all, 3),
    name: string(all, 5),
    kind: int(all, 6),
    start: time(all, 7),
    end: time(all, 8),
    attributes: map(all, 9),
    droppedAttributesCount: int(all, 10),
    events: all
      .filter((f) => f.number === 11)
      .map((f) => fields(f.bytes))
      .map((e) => ({ time: time(e, 1), name: string(e, 2), attributes: map(e, 3), dropped: int(e, 4) })),
    droppedEventsCount: int(all, 12),
    links: all
      .filter((f) => f.number === 13)
      .map((f) => fields(f.bytes))
      .map((l) => ({
        traceId: hex(l, 1),
        spanId: hex(l, 2),
        traceState: string(l, 3),
        attributes: map(l, 4),
        dropped: int(l, 5),
        flags: fixed(l, 6),
      })),
    droppedLinksCount: int(all, 14),
    status: { code: int(status, 3), message: string(status, 2) },
    flags: fixed(all, 16),
  };
}

export function decodeProtobuf(body: Uint8Array): DecodedResource[] {
  return fields(Buffer.from(body)).map((resourceSpans) => {
    const resource: DecodedResource = { attributes: {}, schemaUrl: '', scopes: [] };
    for (const field of fields(resourceSpans.bytes)) {
      if (field.number === 1)
        resource.attributes = keyValues(fields(field.bytes).filter((f) => f.number === 1));
      if (field.number === 3) resource.schemaUrl = text(field);
      if (field.number !== 2) continue;
      const scope: DecodedScope = { name: '', version: '', schemaUrl: '', spans: [] };
      for (const part of fields(field.bytes)) {
        if (part.number === 1) {
          for (const f of fields(part.bytes)) {
            if (f.number === 1) scope.name = text(f);
            if (f.number === 2) scope.version = text(f);
          }
        }
        if (part.number === 2) scope.spans.push(protoSpan(part.bytes));
        if (part.number === 3) scope.schemaUrl = text(part);
      }
      resource.scopes.push(scope);
    }
    return resource;
  });
}

function jsonValue(value: any): unknown {
  if (value === undefined) return null;
  if ('stringValue' in value) return value.stringValue;
  if ('boolValue' in value) return value.boolValue;
  if ('intValue' in value) return Number(value.intValue);
  if ('doubleValue' in value) return Number(value.doubleValue);
  if ('bytesValue' in value) return `base64:${value.bytesValue}`;
  if ('arrayValue' in value) return (value.arrayValue.values ?? []).map(jsonValue);
  if ('kvlistValue' in value) return jsonMap(value.kvlistValue.values);
  return null;
}

function jsonMap(list: any[] = []): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, jsonValue(value)]));
}

export function decodeJson(body: string | Uint8Array): DecodedResource[] {
  const json = JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString('utf8'));
  return json.resourceSpans.map((resource: any) => ({
    attributes: jsonMap(resource.resource?.attributes),
    schemaUrl: resource.schemaUrl ?? '',
    scopes: resource.scopeSpans.map((scope: any) => ({
      name: scope.scope?.name ?? '',
      version: scope.scope?.version ?? '',
      schemaUrl: scope.schemaUrl ?? '',
      spans: scope.spans.map((span: any) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        traceState: span.traceState ?? '',
        name: span.name,
        kind: span.kind,
        start: String(span.startTimeUnixNano),
        end: String(span.endTimeUnixNano),
        attributes: jsonMap(span.attributes),
        droppedAttributesCount: span.droppedAttributesCount ?? 0,
        events: (span.events ?? []).map((event: any) => ({
          time: String(event.timeUnixNano),
          name: event.name,
          attributes: jsonMap(event.attributes),
          dropped: event.droppedAttributesCount ?? 0,
        })),
        droppedEventsCount: span.droppedEventsCount ?? 0,
        links: (span.links ?? []).map((link: any) => ({
          traceId: link.traceId,
          spanId: link.spanId,
          traceState: link.traceState ?? '',
          attributes: jsonMap(link.attributes),
          dropped: link.droppedAttributesCount ?? 0,
          flags: link.flags ?? 0,
        })),
        droppedLinksCount: span.droppedLinksCount ?? 0,
        status: { code: span.status?.code ?? 0, message: span.status?.message ?? '' },
        flags: span.flags ?? 0,
      })),
    })),
  }));
}

/** All spans of a request. */
export function spansOf(resources: DecodedResource[]): DecodedSpan[] {
  return resources.flatMap((resource) => resource.scopes.flatMap((scope) => scope.spans));
}
