/**
 * The clients of NestJS's transports: what each needs to send headers along.
 *
 * NestJS gives every transport another place for them, and most of its clients are reached at their serializer only,
 * which is called when a message is made. Nothing of NestJS is loaded for it.
 */
import { context as contextApi } from '@opentelemetry/api';
import { Observable } from 'rxjs';
import { warnError } from '../diagnostics.js';
import { loadOptionalPackage } from '../engine/optional-package.js';
import { isGrpcMetadata } from '../propagation/carrier-shapes.js';
import { injectContextIntoCarrier } from '../propagation/propagate.js';

type Method = (...args: any[]) => any;
type Headers = Record<string, unknown>;

/** What the clients have in common, and what only some have. */
interface Client {
  send?: Method;
  getService?: Method;
  createPacket?: Method;
  mergePacketOptions?: Method;
  serializer?: { serialize: Method };
  options?: { protocolVersion?: unknown };
}

const done = new WeakSet<object>();

/**
 * Makes a client of NestJS's microservices send trace and session along with every message and call.
 *
 * @param client what `@Inject` or `ClientProxyFactory` gave: a client for TCP, Redis, NATS, RabbitMQ, MQTT 5, Kafka or
 *   gRPC; another one is left as it is
 * @param options the tracer, and where the messages go
 * @returns the same client; the context is that of the call of `send` or `emit`, not of the subscription. What cannot
 *   be written is reported, and the message is sent without it
 *
 * @example
 * ```ts no-run: it needs a service that answers
 * import { ClientProxyFactory, Transport } from '@nestjs/microservices';
 * import { lastValueFrom } from 'rxjs';
 * import { withSpan } from 'spanwise';
 * import { tracedClient } from 'spanwise/nestjs';
 *
 * const made = ClientProxyFactory.create({ transport: Transport.RMQ, options: { queue: 'orders' } });
 * const orders = tracedClient(made);
 * await withSpan('buy', () => lastValueFrom(orders.send('place', { item: 'tea' })));
 * ```
 * The handler's span has `buy` as its parent, and its session.
 *
 * @category Messages
 */
export function tracedClient<C extends object>(
  client: C,
  options: Parameters<typeof injectContextIntoCarrier>[1] = {},
): C {
  if (done.has(client)) return client;
  done.add(client);
  try {
    const inject = <T>(carrier: T): T => injectContextIntoCarrier(carrier, options);
    equip(client as Client, kindOf(client), inject);
  } catch (error) {
    warnError('SPW_INTERNAL', 'a client of NestJS could not be traced; it sends as before', error);
  }
  return client;
}

type Kind =
  'ClientTCP' | 'ClientRedis' | 'ClientNats' | 'ClientRMQ' | 'ClientMqtt' | 'ClientKafka' | 'ClientGrpcProxy';
const KINDS: ReadonlySet<string> = new Set<Kind>([
  'ClientTCP',
  'ClientRedis',
  'ClientNats',
  'ClientRMQ',
  'ClientMqtt',
  'ClientKafka',
  'ClientGrpcProxy',
]);

/** The class of NestJS that a client is of, or derived from. */
function kindOf(client: object): Kind | undefined {
  let at: object | null = Object.getPrototypeOf(client) as object | null;
  for (; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (KINDS.has(at.constructor.name)) return at.constructor.name as Kind;
  }
  return undefined;
}

function equip(client: Client, kind: Kind | undefined, inject: <T>(carrier: T) => T): void {
  if (kind === undefined) return;
  if (kind === 'ClientGrpcProxy') return equipGrpc(client, inject);
  keepContext(client);
  if (kind === 'ClientTCP' || kind === 'ClientRedis') {
    afterCall(client, 'createPacket', (packet: { metadata?: Headers }) => {
      packet.metadata = inject({ ...packet.metadata });
    });
  } else if (kind === 'ClientMqtt') {
    equipMqtt(client, inject);
  } else {
    const add = { ClientRMQ: addToRmq, ClientNats: addToNats, ClientKafka: addToKafka }[kind];
    afterSerialize(client, (serialized) => add(serialized, inject));
  }
}

/** A request is sent on subscription, which may be elsewhere: NestJS itself subscribes to what a handler returns. */
function keepContext(client: Client): void {
  const send = client.send as Method;
  client.send = function (this: unknown, ...args: unknown[]): Observable<unknown> {
    const at = contextApi.active();
    const sent = Reflect.apply(send, this, args) as Observable<unknown>;
    return new Observable((subscriber) => contextApi.with(at, () => sent.subscribe(subscriber)));
  };
}

/** Lets something of ours look at what a method returned; if that fails, the result is what it was. */
function afterCall(target: any, name: string, look: (result: any, ...args: any[]) => void): void {
  const method = target[name] as Method;
  target[name] = function (this: unknown, ...args: unknown[]): unknown {
    const result: unknown = Reflect.apply(method, this, args);
    const guarded = (value: unknown): void => {
      try {
        look(value, ...args);
      } catch (error) {
        warnError('SPW_INTERNAL', 'headers could not be added to a message of NestJS', error);
      }
    };
    if (!(result instanceof Promise)) {
      guarded(result);
      return result;
    }
    return result.then((value: unknown) => {
      guarded(value);
      return value;
    });
  };
}

function afterSerialize(client: Client, look: (serialized: any, packet: object) => void): void {
  // A serializer may be shared by clients of other transports: ours stands before it.
  const own = Object.create(client.serializer as object) as { serialize: Method };
  own.serialize = (client.serializer as { serialize: Method }).serialize.bind(client.serializer);
  afterCall(own, 'serialize', look);
  client.serializer = own;
}

function addToRmq(serialized: { options?: { headers?: Headers } }, inject: <T>(carrier: T) => T): void {
  const { options } = serialized;
  serialized.options = { ...options, headers: inject({ ...options?.headers }) };
}

function addToKafka(serialized: { headers?: Headers }, inject: <T>(carrier: T) => T): void {
  serialized.headers = inject({ ...serialized.headers });
}

function addToNats(serialized: { headers?: unknown }, inject: <T>(carrier: T) => T): void {
  serialized.headers = inject(
    serialized.headers ?? made('@nats-io/transport-node', (nats) => nats.headers()),
  );
}

/** The client of MQTT asks for the options of a message right after it has serialized it. */
function equipMqtt(client: Client, inject: <T>(carrier: T) => T): void {
  // Before version 5 a message has no place for headers.
  if (client.options?.protocolVersion !== 5) return;
  const headers = new WeakMap<object, Headers>();
  let next: Headers | undefined;
  afterCall(client, 'createPacket', (packet: object) => headers.set(packet, inject({})));
  afterSerialize(client, (_serialized, packet) => (next = headers.get(packet)));
  const merge = client.mergePacketOptions as Method;
  client.mergePacketOptions = function (this: unknown, ...args: unknown[]): unknown {
    const merged = Reflect.apply(merge, this, args) as
      { properties?: { userProperties?: Headers } } | undefined;
    const added = next;
    next = undefined;
    // The mqtt client never sends a message with an empty set of properties.
    if (added === undefined || Object.keys(added).length === 0) return merged;
    const properties = merged?.properties;
    return {
      ...merged,
      properties: { ...properties, userProperties: { ...properties?.userProperties, ...added } },
    };
  };
}

/** A service of gRPC has a function for each method, which takes metadata as its second argument. */
function equipGrpc(client: Client, inject: <T>(carrier: T) => T): void {
  const getService = client.getService as Method;
  client.getService = function (this: unknown, ...args: unknown[]): unknown {
    const service = Reflect.apply(getService, this, args) as Record<string, unknown>;
    for (const [name, method] of Object.entries(service)) {
      if (typeof method === 'function') service[name] = grpcMethod(method as Method, inject);
    }
    return service;
  };
}

function grpcMethod(method: Method, inject: <T>(carrier: T) => T): Method {
  return function (this: unknown, ...args: unknown[]): unknown {
    try {
      const [, given] = args;
      const metadata = isGrpcMetadata(given)
        ? (given as unknown as { clone(): unknown }).clone()
        : made('@grpc/grpc-js', (grpc) => new grpc.Metadata());
      const rest = isGrpcMetadata(given) || given === undefined ? args.slice(2) : args.slice(1);
      if (metadata !== undefined) args = [args[0], inject(metadata), ...rest];
    } catch (error) {
      warnError('SPW_INTERNAL', 'headers could not be added to a call of gRPC', error);
    }
    return Reflect.apply(method, this, args);
  };
}

/** Something of the transport's own package, which NestJS has loaded already. */
function made(name: string, make: (exports: any) => unknown): unknown {
  const loaded = loadOptionalPackage(name);
  return loaded === undefined ? undefined : make(loaded.exports);
}
