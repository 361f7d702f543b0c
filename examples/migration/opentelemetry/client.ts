/** The client with OpenTelemetry by hand, making the same spans as with Spanwise. */
import {
  context,
  propagation,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const IDENTITY = ['session_id', 'project', 'source'];

/** Copies identity from baggage to every span. */
class IdentityProcessor implements SpanProcessor {
  onStart(span: Span, parent: Context): void {
    const baggage = propagation.getBaggage(parent);
    for (const key of IDENTITY) {
      const value = baggage?.getEntry(key)?.value;
      if (value !== undefined) span.setAttribute(`honeyhive.${key}`, value);
    }
  }
  onEnd(): void {}
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

const provider = new NodeTracerProvider({
  resource: defaultResource().merge(resourceFromAttributes({ 'service.name': 'client' })),
  spanProcessors: [new IdentityProcessor(), new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
const tracer = trace.getTracer('shop');
const url = process.env['AGENT_SERVER_URL'] as string;

/** Runs a function in a span that ends with it, and fails with it. */
async function inSpan<Result>(
  name: string,
  attributes: Attributes,
  fn: (span: Span) => Promise<Result>,
): Promise<Result> {
  return tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await fn(span);
    } catch (error) {
      const { name: type, message } = error as Error;
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      span.setAttributes({ honeyhive_error: message, honeyhive_error_type: type });
      throw error;
    } finally {
      span.end();
    }
  });
}

class Client {
  async userCall(query: string): Promise<string> {
    const attributes = { honeyhive_event_type: 'chain', 'honeyhive_inputs.query': query };
    return inSpan('Client.userCall', attributes, async (span) => {
      const found = await this.callAgent1(query);
      const answer = await this.callAgent2(found);
      span.setAttribute('honeyhive_outputs.result', answer);
      return answer;
    });
  }

  async callAgent1(query: string): Promise<string> {
    const attributes = { honeyhive_event_type: 'chain', 'honeyhive_metadata.mode': 'remote' };
    return inSpan('Client.callAgent1', attributes, async () => {
      const headers = { 'content-type': 'application/json' };
      propagation.inject(context.active(), headers);
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
      if (!response.ok) throw new Error(`agent 1 answered ${response.status}`);
      return ((await response.json()) as { answer: string }).answer;
    });
  }

  async callAgent2(text: string): Promise<string> {
    const attributes = { honeyhive_event_type: 'chain', 'honeyhive_metadata.mode': 'local' };
    return inSpan('Client.callAgent2', attributes, async () => {
      return `In short: ${text}.`;
    });
  }
}

const client = new Client();
async function session(id: string, query: string): Promise<void> {
  const baggage = propagation.createBaggage({
    session_id: { value: id },
    project: { value: 'shop' },
    source: { value: 'client' },
  });
  const inSession = propagation.setBaggage(context.active(), baggage);
  await context.with(inSession, () => client.userCall(query)).catch(() => undefined);
}

await Promise.all([session('s-1', 'tea and cake'), session('s-2', 'far more than agent one can bear')]);
await provider.shutdown();
process.disconnect?.();
