/** What the engine's tests share: a processor that keeps everything, and a net for diagnostics. */
import { context, diag, DiagLogLevel, type Context } from '@opentelemetry/api';
import type { SpanProcessor, WritableSpan } from '../../lib/tracer/sdk-contract.js';

/** Which line of OpenTelemetry is installed: API 1.9 with SDK 2.x, or API 1.10 with SDK 3.x. */
export const LINE: 2 | 3 = 'attach' in context ? 3 : 2;

/** A stock processor with an exporter, which 2.x takes as it is and 3.x among options. */
export function stock(Processor: new (exporter: any) => SpanProcessor, exporter: object): SpanProcessor {
  return new Processor(LINE === 2 ? exporter : { exporter });
}

export class RecordingProcessor implements SpanProcessor {
  readonly started: WritableSpan[] = [];
  readonly contexts: Context[] = [];
  readonly ending: WritableSpan[] = [];
  readonly ended: WritableSpan[] = [];
  readonly calls: string[] = [];
  onStart(span: WritableSpan, parentContext: Context): void {
    this.started.push(span);
    this.contexts.push(parentContext);
  }
  onEnding(span: WritableSpan): void {
    this.ending.push(span);
  }
  onEnd(span: WritableSpan): void {
    this.ended.push(span);
  }
  async forceFlush(): Promise<void> {
    this.calls.push('forceFlush');
  }
  async shutdown(): Promise<void> {
    this.calls.push('shutdown');
  }
}

/** Everything said through `diag` from now on, one line each, the level first. */
export function collectDiagnostics(): string[] {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (message: string, ...rest: unknown[]): void => {
      lines.push([level, message, ...rest].join(' '));
    };
  diag.setLogger(
    { error: note('error'), warn: note('warn'), info: note('info'), debug: note('debug'), verbose: () => {} },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  return lines;
}
