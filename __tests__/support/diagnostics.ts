/** Diagnostics, as a test reads them. */
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { resetDiagnostics } from '../../lib/diagnostics.js';

/** Collects diagnostics from now on; `diag.disable()` ends it. */
export function collectDiagnostics(): string[] {
  const lines: string[] = [];
  const add = (message: string): void => void lines.push(message);
  resetDiagnostics();
  diag.setLogger(
    { error: add, warn: add, info: () => undefined, debug: () => undefined, verbose: () => undefined },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  return lines;
}
