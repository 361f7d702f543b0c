/** The spans of a test, as they ended. */
import type { ReadableSpan, SpanProcessor } from '../../lib/tracer/sdk-contract.js';

/** Keeps every span that ends. */
export class Recorder implements SpanProcessor {
  readonly spans: ReadableSpan[] = [];
  readonly started: string[] = [];
  onStart(span: ReadableSpan): void {
    this.started.push(span.name);
  }
  onEnd(span: ReadableSpan): void {
    this.spans.push(span);
  }
  forceFlush(): Promise<void> {
    return Promise.resolve();
  }
  shutdown(): Promise<void> {
    return Promise.resolve();
  }
  /** The only span of that name. */
  span(name: string): ReadableSpan {
    const found = this.spans.filter((span) => span.name === name);
    if (found.length !== 1) {
      throw new Error(
        `${found.length} spans named ${name}; there are: ${this.spans.map((s) => s.name).join(', ')}`,
      );
    }
    return found[0] as ReadableSpan;
  }
  get names(): string[] {
    return this.spans.map((span) => span.name);
  }
}
