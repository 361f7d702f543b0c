/**
 * MQTT 5: headers are user properties of the packet, which the client hands over as the third argument. Messages of older
 * clients have none, and are handled in a trace of their own.
 *
 * ```text
 * measure [tool] session=s-1
 * └─ send sensors [tool] PRODUCER
 *    └─ Sensors.measured [tool] CONSUMER
 * Sensors.measured [tool] CONSUMER session=<uuid>
 * ```
 */
import mqtt, { type IPublishPacket } from 'mqtt';
import { DistributedEntry, SessionTracer, withSession, withSpan } from 'spanwise';
import { messageAttributes, mqttOptions, withProducerSpan } from 'spanwise/messaging';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Sensors {
  @DistributedEntry({ attributes: messageAttributes })
  async measured(_topic: string, _payload: Buffer, _packet: IPublishPacket): Promise<void> {}
}

const url = process.env['BROKER_URL'] ?? 'mqtt://127.0.0.1';
const client = await mqtt.connectAsync(url, { protocolVersion: 5 });
await client.subscribeAsync('sensors', { qos: 1 });
const sensors = new Sensors();
let count = 0;
const handled = new Promise<void>((resolve) => {
  client.on('message', (topic, payload, packet) => {
    void sensors.measured(topic, payload, packet).then(() => ++count === 2 && resolve());
  });
});

await withSession('s-1', () =>
  withSpan('measure', () =>
    withProducerSpan({ system: 'mqtt', destination: 'sensors' }, (headers) =>
      client.publishAsync('sensors', '21', { qos: 1, ...mqttOptions(headers) }),
    ),
  ),
);
await client.publishAsync('sensors', '22', { qos: 1 });
await handled;
await client.endAsync();
await tracer.shutdown();
console.log(spans.tree());
