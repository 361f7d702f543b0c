import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { SimpleSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { HoneyHiveClient } from '../../lib/honeyhive/client.js';
import { whereIs } from '../../lib/honeyhive/filter.js';
import { waitForEvents } from '../../lib/honeyhive/wait-for-events.js';
import { startViewer, type Viewer, type ViewerOptions } from '../../lib/viewer/start-viewer.js';

// The machine may be busy; what waits here waits for others.
jest.setTimeout(30_000);

const open: { close(): unknown }[] = [];
const viewerWith = async (options: ViewerOptions = {}): Promise<Viewer> => {
  const viewer = await startViewer({ port: 0, ...options });
  open.push(viewer);
  return viewer;
};
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** An SDK that knows nothing of us, with its stock exporter. */
const sendWith = async (exporter: SpanExporter): Promise<{ traceId: string }> => {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'plain' }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('plain-scope', '1.2');
  const identity = { 'honeyhive.session_id': 's-1', 'honeyhive.project': 'shop', 'honeyhive.source': 'test' };
  const parent = tracer.startSpan('parent', {
    kind: SpanKind.SERVER,
    attributes: { ...identity, 'honeyhive_inputs.q.0.text': 'hi', honeyhive_event_type: 'chain', count: 3 },
  });
  const inParent = trace.setSpan(ROOT_CONTEXT, parent);
  const child = tracer.startSpan(
    'child',
    { attributes: { ...identity, ratio: 0.5, tags: ['a', 'b'] } },
    inParent,
  );
  child.recordException(new TypeError('broken'));
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'broken' });
  child.end();
  parent.end();
  await provider.forceFlush();
  await provider.shutdown();
  return { traceId: parent.spanContext().traceId };
};

describe('an unmodified OpenTelemetry SDK', () => {
  it.each([
    ['protobuf', '/v1/traces', (url: string) => new ProtobufExporter({ url })],
    ['JSON', '/opentelemetry/v1/traces', (url: string) => new JsonExporter({ url })],
    [
      'protobuf with gzip',
      '/v1/traces',
      (url: string) => new ProtobufExporter({ url, compression: CompressionAlgorithm.GZIP }),
    ],
  ])('is received as %s and can be queried', async (_name, path, exporterFor) => {
    const viewer = await viewerWith();
    const { traceId } = await sendWith(exporterFor(`${viewer.url}${path}`));
    const client = new HoneyHiveClient({ serverUrl: viewer.url });
    const query = { project: 'shop', filters: [whereIs('session_id', 's-1')] };
    const events = await waitForEvents(client, query, (all) => all.length === 2, { timeoutMs: 15_000 });
    const parent = events.find((event) => event.event_name === 'parent')!;
    const child = events.find((event) => event.event_name === 'child')!;
    expect(parent).toMatchObject({
      session_id: 's-1',
      project: 'shop',
      source: 'test',
      event_type: 'chain',
      parent_id: 's-1',
      children_ids: [child.event_id],
      inputs: { q: [{ text: 'hi' }] },
      metadata: { count: 3, 'service.name': 'plain' },
      error: null,
      trace_id: traceId,
      span_kind: 'server',
    });
    expect(child).toMatchObject({
      event_type: 'tool',
      parent_id: parent.event_id,
      error: 'broken',
      metadata: { ratio: 0.5, tags: ['a', 'b'] },
      trace_id: traceId,
    });
    expect(child.start_time).toBeGreaterThanOrEqual(parent.start_time);
    expect(Math.abs(child.start_time - Date.now())).toBeLessThan(60_000);
  });
});

describe('starting', () => {
  it('says which port is taken and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    open.push({ close: () => new Promise((resolve) => other.close(resolve)) });
    const { port } = other.address() as AddressInfo;
    await expect(startViewer({ port })).rejects.toMatchObject({
      code: 'SPW_VIEWER',
      message: expect.stringContaining(`port ${port} of 127.0.0.1 is taken`),
    });
  });

  it('frees its port when it is closed, even with a connection open', async () => {
    const viewer = await viewerWith();
    await fetch(`${viewer.url}/v1/events/none`);
    await viewer.close();
    const again = await viewerWith({ port: viewer.port });
    expect(again.port).toBe(viewer.port);
  });
});
