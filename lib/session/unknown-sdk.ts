/**
 * Tells of a tracer provider that belongs to no SDK we know: its spans may not have the shape that identity, payloads
 * and export are written into, and then they lack them without a word.
 */
import { trace, type TracerProvider } from '@opentelemetry/api';
import { classNameOf } from '../capture/intrinsics.js';
import { SCOPE_NAME, VERSION } from '../conventions.js';
import { singleLine, warn } from '../diagnostics.js';
import { hasGlobal } from './global-registration.js';

type Kind = 'known' | 'old' | 'unknown';

/**
 * Reports a provider, given or registered globally, that is neither ours nor of OpenTelemetry's lines 2.x and 3.x.
 *
 * @param given the provider that `init` was given, if it was
 */
export function reportUnknownSdk(given: TracerProvider | undefined): void {
  if (given !== undefined) report(given, 'the provider given to init');
  if (!hasGlobal('trace')) return;
  const registered = trace.getTracerProvider() as TracerProvider & { getDelegate?(): TracerProvider };
  const provider = registered.getDelegate?.() ?? registered;
  if (provider !== given) report(provider, 'the tracer provider that is registered globally');
}

function report(provider: TracerProvider, what: string): void {
  const kind = kindOf(provider);
  if (kind === 'known') return;
  const called = singleLine(classNameOf(provider) ?? 'an object', 80);
  const remedy =
    kind === 'old'
      ? "is OpenTelemetry's SDK 1.x, whose spans cannot be stamped; run `npm install @opentelemetry/sdk-trace-node@2`"
      : "is neither ours nor OpenTelemetry's SDK 2.x or 3.x, so spans made with it may lack session and payload; " +
        'add IdentitySpanProcessor to it if it takes span processors, or call SessionTracer.init before it';
  warn('SPW_SDK', `${what} (${called}) ${remedy}`, what);
}

/** By a public field of a tracer, since names of classes do not survive bundlers. */
function kindOf(provider: TracerProvider & { isSpanwise?: boolean }): Kind {
  try {
    if (provider.isSpanwise === true) return 'known';
    const tracer = provider.getTracer(SCOPE_NAME, VERSION) as {
      instrumentationScope?: unknown;
      instrumentationLibrary?: unknown;
    };
    if (typeof tracer.instrumentationScope === 'object') return 'known';
    return typeof tracer.instrumentationLibrary === 'object' ? 'old' : 'unknown';
  } catch {
    return 'unknown';
  }
}
