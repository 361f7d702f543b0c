import { diag, type Tracer } from '@opentelemetry/api';
import { DEFAULT_IDENTITY_KEYS, type Identity, type IdentityKeys } from '../../lib/context/identity.js';
import { resetDiagnostics } from '../../lib/diagnostics.js';
import type { OwnerSettings, SpanOwner } from '../../lib/tracer/owner.js';
import { collectDiagnostics } from '../support/diagnostics.js';

export const TRACE = '0af7651916cd43dd8448eb211c80319c';
export const SPAN = 'b7ad6b7169203331';
export const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

/** A tracer that owns spans, without a SessionTracer behind it. */
export function owner(
  name: string,
  identity: Identity = {},
  settings: Partial<OwnerSettings> = {},
  keys: IdentityKeys = DEFAULT_IDENTITY_KEYS,
  otelTracer = {} as Tracer,
): SpanOwner {
  return {
    name,
    otelTracer,
    identity: { ...identity, keys },
    settings: {
      capture: { inputs: false, outputs: false },
      redact: undefined,
      trust: 'continue',
      newSession: false,
      propagateTo: undefined,
      baggageAttributes: [],
      ...settings,
    } as OwnerSettings,
    live: true,
    updateEvent: () => undefined,
    announceSession: () => undefined,
  } as unknown as SpanOwner;
}

/** Collects what diagnostics say; call `stop` at the end. */
export function listen(): { readonly said: string[]; stop(): void } {
  return {
    said: collectDiagnostics(),
    stop() {
      diag.disable();
      resetDiagnostics();
    },
  };
}
