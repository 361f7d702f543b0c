/** Whether spans get where they should: the context, the backend, and one span on its way. */
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { BAGGAGE_SESSION_ID, ENV } from '../conventions.js';
import { describeError } from '../diagnostics.js';
import { hasContextManager, installContextManager } from '../engine/context-manager.js';
import { HoneyHiveClient } from '../honeyhive/client.js';
import { whereIs } from '../honeyhive/filter.js';
import { waitForEvents } from '../honeyhive/wait-for-events.js';
import { resolveBackend, type Backend } from '../session/backend.js';
import { SessionTracer } from '../session/session-tracer.js';
import { withSpan } from '../span/with-span.js';
import type { Finding } from './doctor-finding.js';

const NAME = 'spanwise-doctor';
const REQUEST_TIMEOUT_MS = 5_000;
type Env = Readonly<Record<string, string | undefined>>;

/** Sees whether a context outlives an `await` and a timer, with the manager that the project has. */
export async function checkContext(project: string): Promise<Finding> {
  const check = 'context manager';
  const key = createContextKey(NAME);
  installContextManager([`${project}/noop.js`]);
  const survives = await context.with(ROOT_CONTEXT.setValue(key, true), async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return context.active().getValue(key) === true;
  });
  if (survives && hasContextManager())
    return { check, status: 'ok', message: 'keeps the context across await' };
  return {
    check,
    status: 'problem',
    message: 'the context is lost across await, so spans do not find their parents',
    remedy: 'npm install @opentelemetry/context-async-hooks@2, and register nothing else',
    code: 'SPW_CONTEXT_MANAGER',
  };
}

/**
 * Asks the backend of the environment whether it is there, and sends it a span.
 *
 * @param env the environment that the program would run in
 * @param waitMs how long the backend may take to show the span, in milliseconds
 */
export async function checkBackend(env: Env, waitMs: number): Promise<Finding[]> {
  const backend = resolveBackend({}, env, NAME, false);
  const reachable = await checkEndpoint(backend);
  if (reachable.status === 'problem') {
    const message = 'not sent, since the backend does not take any';
    return [reachable, { check: 'test span', status: 'skipped', message }];
  }
  return [reachable, await checkSpan(backend, env, waitMs)];
}

async function checkEndpoint({ tracesUrl, headers, isDefault }: Backend): Promise<Finding> {
  const check = 'backend';
  const { origin, pathname } = new URL(tracesUrl);
  const where = `${origin}${pathname}`;
  let status: number;
  try {
    const response = await fetch(tracesUrl, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"resourceSpans":[]}',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    await response.arrayBuffer();
    status = response.status;
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause ?? error;
    return {
      check,
      status: 'problem',
      message: `${where} does not answer (${describeError(cause)})`,
      remedy: isDefault
        ? 'npx spanwise viewer, or set OTEL_EXPORTER_OTLP_ENDPOINT or HH_API_KEY'
        : 'look at HH_API_URL or OTEL_EXPORTER_OTLP_ENDPOINT, and at firewalls and proxies',
      code: 'SPW_EXPORT',
    };
  }
  if (status < 400) return { check, status: 'ok', message: `${where} answers` };
  const isKey = status === 401 || status === 403;
  return {
    check,
    status: 'problem',
    message: `${where} answers with status ${status}`,
    remedy: isKey
      ? 'look at HH_API_KEY, or at OTEL_EXPORTER_OTLP_HEADERS'
      : 'look at HH_API_URL or OTEL_EXPORTER_OTLP_ENDPOINT: it must be an OTLP/HTTP endpoint (port 4318, not gRPC’s 4317)',
    code: isKey ? 'SPW_API_KEY' : 'SPW_EXPORT',
  };
}

async function checkSpan(backend: Backend, env: Env, waitMs: number): Promise<Finding> {
  const check = 'test span';
  const project = env[ENV.project] ?? NAME;
  const sessionId = globalThis.crypto.randomUUID();
  const tracer = SessionTracer.init({
    name: NAME,
    project,
    source: 'doctor',
    sessionId,
    endpoint: backend.tracesUrl,
    headers: { ...backend.headers },
    protocol: backend.protocol,
    skipBackendSessionCreation: true,
    testMode: false,
    global: false,
  });
  try {
    withSpan({ name: NAME, tracer }, () => undefined);
    const { ok } = await tracer.flush({ timeoutMs: REQUEST_TIMEOUT_MS });
    if (!ok) {
      return {
        check,
        status: 'problem',
        message: 'the backend did not take the span',
        remedy: 'the lines above name the reason',
        code: 'SPW_EXPORT',
      };
    }
  } finally {
    await tracer.shutdown({ timeoutMs: REQUEST_TIMEOUT_MS });
  }
  return { check, ...(await lookFor(backend, project, sessionId, waitMs)) };
}

async function lookFor(
  { apiUrl, apiKey, isDefault }: Backend,
  project: string,
  sessionId: string,
  waitMs: number,
): Promise<Omit<Finding, 'check'>> {
  if (apiUrl === undefined) return { status: 'ok', message: 'taken; this backend cannot be asked for it' };
  const client = new HoneyHiveClient({ serverUrl: apiUrl, ...(apiKey === undefined ? {} : { apiKey }) });
  try {
    const query = { project, filters: [whereIs(BAGGAGE_SESSION_ID, sessionId)] };
    await waitForEvents(client, query, (events) => events.some((event) => event.event_name === NAME), {
      timeoutMs: waitMs,
    });
    return { status: 'ok', message: `taken, and seen by ${apiUrl}` };
  } catch (error) {
    // Whatever listens on the default port may well be a collector, which nobody can ask.
    if (isDefault && (error as { status?: number }).status === 404) {
      return { status: 'ok', message: 'taken; this backend cannot be asked for it' };
    }
    return {
      status: 'warning',
      message: `taken, but not seen within ${waitMs} ms (${describeError(error)})`,
      remedy:
        'look for it at the backend; a backend may take a while, or the key may belong to another project',
      code: 'SPW_BACKEND',
    };
  } finally {
    client.close();
  }
}
