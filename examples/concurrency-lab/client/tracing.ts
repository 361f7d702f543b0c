/** The client's tracer, one per thread; none when the lab measures what it costs. */
import { SessionTracer } from 'spanwise';

export function startTracing(): SessionTracer | undefined {
  if (process.env['TRACING'] === 'off') return undefined;
  return SessionTracer.init({
    project: 'concurrency-lab',
    source: 'test-server',
    resource: { 'service.name': 'test-server' },
    baggageAttributes: ['session_identifier', 'user_id'],
    skipBackendSessionCreation: true,
  });
}
