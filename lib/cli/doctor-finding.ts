/** What the doctor found. */
import type { DiagnosticCode } from '../diagnostics.js';

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  /** `problem`: something must be done. `warning`: something may be wrong. `skipped`: it could not be looked at. */
  readonly status: 'ok' | 'warning' | 'problem' | 'skipped';
  /** What was seen. */
  readonly message: string;
  /** What to do. */
  readonly remedy?: string;
  /** The diagnostic that the same problem would be reported as at run time. */
  readonly code?: DiagnosticCode;
}
