/**
 * A traced server as one writes it by hand with OpenTelemetry: headers in, a server span with the attributes of the
 * semantic conventions and the identity of the caller's baggage, the handler inside of its context, status and end.
 */
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { noop, stockProvider } from '../raw.mjs';

const tracer = trace.getTracer('bench');
const KEYS = ['session_id', 'project', 'source'];

/** Baggage to attributes, on every span. */
const stamping = {
  ...noop,
  onStart(span, parent) {
    const baggage = propagation.getBaggage(parent);
    if (baggage === undefined) return;
    for (const key of KEYS) {
      const entry = baggage.getEntry(key);
      if (entry !== undefined) span.setAttribute(`honeyhive.${key}`, entry.value);
    }
  },
};

export async function setUp(processor) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  trace.setGlobalTracerProvider(await stockProvider([stamping, processor]));
}

/**
 * Lets a request in.
 *
 * @param request Node's request
 * @param response Node's response
 * @param route finds the route's template when the response is finished
 * @param next runs inside of the span's context
 */
export function enter(request, response, route, next) {
  const parent = propagation.extract(ROOT_CONTEXT, request.headers);
  const target = request.url;
  const mark = target.indexOf('?');
  const host = request.headers.host ?? '';
  const colon = host.lastIndexOf(':');
  const attributes = {
    'http.request.method': request.method,
    'url.path': mark < 0 ? target : target.slice(0, mark),
    'url.scheme': 'http',
    'server.address': colon < 0 ? host : host.slice(0, colon),
    'client.address': request.socket.remoteAddress,
    'network.protocol.version': request.httpVersion,
  };
  if (mark >= 0) attributes['url.query'] = target.slice(mark + 1);
  if (colon >= 0) attributes['server.port'] = Number(host.slice(colon + 1));
  const agent = request.headers['user-agent'];
  if (agent !== undefined) attributes['user_agent.original'] = agent;
  const span = tracer.startSpan(request.method, { kind: SpanKind.SERVER, attributes }, parent);
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    const template = route();
    if (template !== undefined) {
      span.updateName(`${request.method} ${template}`);
      span.setAttribute('http.route', template);
    }
    span.setAttribute('http.response.status_code', response.statusCode);
    if (response.statusCode >= 500) {
      span.setAttribute('error.type', String(response.statusCode));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  };
  response.once('finish', end);
  response.once('close', end);
  const inside = trace.setSpan(parent, span);
  context.with(inside, next);
}
