/** The agent server with OpenTelemetry by hand, making the same spans as with Spanwise. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import {
  context,
  propagation,
  SpanKind,
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

// #region entry
const DEFAULTS = { project: 'shop', source: 'agent-server' };
const VARIANTS: Record<string, string[]> = {
  session_id: ['session_id', 'honeyhive_session_id', 'honeyhive.session_id'],
  project: ['project', 'honeyhive_project', 'honeyhive.project'],
  source: ['source', 'honeyhive_source', 'honeyhive.source'],
};

/** Puts what arrived under other names under the names that travel on, and defaults where nothing arrived. */
function withIdentity(parent: Context): Context {
  let baggage = propagation.getBaggage(parent) ?? propagation.createBaggage();
  for (const [key, variants] of Object.entries(VARIANTS)) {
    const arrived = variants.map((variant) => baggage.getEntry(variant)?.value).find(Boolean);
    const value = arrived ?? DEFAULTS[key as keyof typeof DEFAULTS];
    if (value !== undefined) baggage = baggage.setEntry(key, { value });
  }
  return propagation.setBaggage(parent, baggage);
}
// #endregion

/** Copies identity from baggage to every span. */
class IdentityProcessor implements SpanProcessor {
  onStart(span: Span, parent: Context): void {
    const baggage = propagation.getBaggage(parent);
    for (const key of Object.keys(VARIANTS)) {
      const value = baggage?.getEntry(key)?.value;
      if (value !== undefined) span.setAttribute(`honeyhive.${key}`, value);
    }
  }
  onEnd(): void {}
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

const provider = new NodeTracerProvider({
  resource: defaultResource().merge(resourceFromAttributes({ 'service.name': 'agent-server' })),
  spanProcessors: [new IdentityProcessor(), new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
const tracer = trace.getTracer('shop');

/** Runs a function in a span that ends with it, and fails with it. */
async function inSpan<Result>(
  name: string,
  kind: SpanKind,
  attributes: Attributes,
  fn: (span: Span) => Promise<Result>,
): Promise<Result> {
  return tracer.startActiveSpan(name, { kind, attributes }, async (span) => {
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

class Agent {
  async invoke(headers: IncomingHttpHeaders, query: string): Promise<string> {
    // #region entry
    const parent = withIdentity(propagation.extract(context.active(), headers));
    const attributes = { honeyhive_event_type: 'chain', 'honeyhive_inputs.query': query };
    return context.with(parent, () =>
      inSpan('Agent.invoke', SpanKind.SERVER, attributes, async (span) => {
        // #endregion
        const pages = await this.search(query);
        const answer = await this.summarize(query, pages);
        // #region entry
        span.setAttribute('honeyhive_outputs.result', answer);
        return answer;
      }),
    );
    // #endregion
  }

  async search(query: string): Promise<string[]> {
    const attributes = { honeyhive_event_type: 'tool' };
    return inSpan('Agent.search', SpanKind.INTERNAL, attributes, async (span) => {
      const pages = query.split(' ').map((word) => `a page about ${word}`);
      span.setAttribute('honeyhive_outputs.found', pages.length);
      return pages;
    });
  }

  async summarize(query: string, pages: string[]): Promise<string> {
    const attributes = { honeyhive_event_type: 'model' };
    return inSpan('Agent.summarize', SpanKind.INTERNAL, attributes, async (span) => {
      if (pages.length > 5) throw new RangeError(`${pages.length} pages are too many`);
      const answer = `${pages.length} pages about ${query}`;
      span.setAttribute('honeyhive_outputs.result', answer);
      return answer;
    });
  }
}

const agent = new Agent();
const server = createServer(async (request, response) => {
  try {
    const { query } = (await json(request)) as { query: string };
    response.end(JSON.stringify({ answer: await agent.invoke(request.headers, query) }));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', async () => {
  server.close();
  await provider.shutdown();
});
