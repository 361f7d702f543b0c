import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { connect, headers as natsHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { SpanKind } from '@opentelemetry/api';
import { DistributedEntry, injectContextIntoCarrier } from '../../lib/index.js';
import { parentId, shutdownAll, spanId } from '../support/harness.js';
import { describeBroker } from './broker.js';
import { Exchange, MANGLED } from './contract.js';

describeBroker('nats', 'NATS, by @nats-io/transport-node', (place) => {
  let connection: NatsConnection;
  let exchange: Exchange;
  let subject: string;

  class Orders {
    @DistributedEntry({ tracer: () => exchange.receiver })
    async placed(message: Msg): Promise<void> {
      message.respond(await exchange.handle(message.string()));
    }
  }

  beforeAll(async () => {
    connection = await connect({ servers: place().url });
  });
  afterAll(() => connection?.close());
  beforeEach(async () => {
    exchange = new Exchange();
    subject = randomUUID();
    const orders = new Orders();
    connection.subscribe(subject, { callback: (_error, message) => void orders.placed(message) });
    await connection.flush();
  });
  afterEach(shutdownAll);

  it('20 concurrent requests continue 20 sessions, and each gets its own answer', async () => {
    const answers: string[] = [];
    const texts = await exchange.send(20, async (text) => {
      const headers = injectContextIntoCarrier(natsHeaders());
      answers.push((await connection.request(subject, text, { headers, timeout: 10_000 })).string());
    });
    exchange.expectContinued(texts, SpanKind.CONSUMER);
    expect(answers.sort()).toEqual(texts.map((text) => `answer to ${text}`).sort());
  });

  it('handles messages whose headers were dropped or mangled', async () => {
    for (const [text, given] of Object.entries(MANGLED)) {
      const headers = natsHeaders();
      for (const [key, value] of Object.entries(given)) headers.set(key, String(value));
      connection.publish(subject, text, { headers });
    }
    const twice = natsHeaders();
    twice.append('traceparent', `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`);
    twice.append('Traceparent', `00-${'2'.repeat(32)}-${'2'.repeat(16)}-01`);
    connection.publish(subject, 'twice', { headers: twice });
    connection.publish(subject, 'no headers');
    const texts = [...Object.keys(MANGLED), 'twice', 'no headers'];
    await exchange.arrival(texts);
    exchange.expectUncontinued(texts, SpanKind.CONSUMER);
  });

  it('handles a message whose header block is no text, as another client may write it', async () => {
    const peer = net.connect(place().port, place().host);
    const block = Buffer.concat([
      Buffer.from('NATS/1.0\r\ntraceparent: '),
      Buffer.from([0xff, 0xfe, 0x80]),
      Buffer.from('\r\n: nothing\r\nbaggage\r\n\r\n'),
    ]);
    peer.write('CONNECT {"verbose":false,"headers":true}\r\n');
    peer.write(`HPUB ${subject} ${block.length} ${block.length + 3}\r\n`);
    peer.write(Buffer.concat([block, Buffer.from('raw\r\n')]));
    await exchange.arrival(['raw']);
    exchange.expectUncontinued(['raw'], SpanKind.CONSUMER);
    peer.destroy();
  });

  it('continues the caller for a message that is delivered twice', async () => {
    const [first] = await exchange.send(1, async (text) => {
      const headers = injectContextIntoCarrier(natsHeaders());
      connection.publish(subject, text, { headers });
      connection.publish(subject, `${text} again`, { headers });
    });
    await exchange.arrival([`${first} again`]);
    const sent = spanId(exchange.recorder.span(`send ${first}`));
    expect(parentId(exchange.entryOf(`${first} again`))).toBe(sent);
  });
});
