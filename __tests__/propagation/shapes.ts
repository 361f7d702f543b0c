/** Carriers of every shape, with the same headers in each; the look-alikes have the members of the real classes. */

/** gRPC `Metadata`: names are lower-cased, values are lists. */
export class Metadata {
  protected internalRepr = new Map<string, string[]>();
  set(key: string, value: string): void {
    this.internalRepr.set(key.toLowerCase(), [value]);
  }
  get(key: string): string[] {
    return this.internalRepr.get(key.toLowerCase()) ?? [];
  }
  getMap(): Record<string, string> {
    return {};
  }
  toHttp2Headers(): Record<string, string> {
    return {};
  }
}

/** NATS `MsgHdrs`: names keep their case and `get` minds it. */
export class MsgHdrs {
  headers = new Map<string, string[]>();
  get hasError(): boolean {
    return false;
  }
  keys(): string[] {
    return [...this.headers.keys()];
  }
  values(key: string): string[] {
    return this.headers.get(key) ?? [];
  }
  get(key: string): string {
    return this.headers.get(key)?.[0] ?? '';
  }
  set(key: string, value: string): void {
    this.headers.set(key, [value]);
  }
  append(key: string, value: string): void {
    this.headers.set(key, [...this.values(key), value]);
  }
  delete(key: string): void {
    this.headers.delete(key);
  }
}

/** A NATS message: everything is a getter of its class. */
export class Msg {
  constructor(protected hdrs: MsgHdrs) {}
  get subject(): string {
    return 's';
  }
  get headers(): MsgHdrs {
    return this.hdrs;
  }
  respond(): boolean {
    return true;
  }
}

type Make = (headers: Record<string, string>) => unknown;
const mapValues = (headers: Record<string, string>, f: (value: string) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, f(value)]));

/** Name of the shape → how to make one. */
export const SHAPES: readonly (readonly [string, Make])[] = [
  ['a plain object', (h) => ({ ...h })],
  ['an object without prototype', (h) => Object.assign(Object.create(null) as object, h)],
  ['value arrays', (h) => mapValues(h, (value) => [value])],
  ['Headers', (h) => new Headers(h)],
  ['a Map', (h) => new Map(Object.entries(h))],
  ['a list of pairs', (h) => Object.entries(h)],
  ['a raw header list', (h) => ['Host', 'localhost', ...Object.entries(h).flat()]],
  [
    'gRPC metadata',
    (h) => {
      const metadata = new Metadata();
      for (const [key, value] of Object.entries(h)) metadata.set(key, value);
      return metadata;
    },
  ],
  [
    'NATS headers',
    (h) => {
      const headers = new MsgHdrs();
      for (const [key, value] of Object.entries(h)) headers.set(key, value);
      return headers;
    },
  ],
  ['Kafka headers', (h) => mapValues(h, (value) => Buffer.from(value))],
  [
    'Kafka headers as a list',
    (h) => Object.entries(h).map(([key, value]) => ({ [key]: Buffer.from(value) })),
  ],
  ['named pairs', (h) => Object.entries(h).map(([key, value]) => ({ key, value: Buffer.from(value) }))],
  ['SQS attributes', (h) => mapValues(h, (StringValue) => ({ DataType: 'String', StringValue }))],
  ['SQS attributes in Lambda', (h) => mapValues(h, (stringValue) => ({ dataType: 'String', stringValue }))],
  ['SNS attributes', (h) => mapValues(h, (Value) => ({ Type: 'String', Value }))],
  ['an MCP _meta', (h) => ({ _meta: { progressToken: 1, ...h }, name: 'tool' })],
  ['an instance of a class', (h) => Object.assign(new (class Carrier {})(), h)],
];

/** How senders write names. */
export const CASES: readonly (readonly [string, (name: string) => string])[] = [
  ['lower case', (name) => name],
  ['Capitalised', (name) => name[0]?.toUpperCase() + name.slice(1)],
  ['UPPER CASE', (name) => name.toUpperCase()],
];

export const renamed = (
  headers: Record<string, string>,
  rename: (name: string) => string,
): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([key, value]) => [rename(key), value]));
