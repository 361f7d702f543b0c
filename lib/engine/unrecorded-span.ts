/**
 * A span that a sampler has turned down: it carries ids on to its children, and keeps nothing.
 */
import type { Span, SpanContext } from '@opentelemetry/api';
import type { SpanIdentity } from './identity.js';

/** A span that is not recorded. */
export class UnrecordedSpan implements Span {
  private readonly _identity: SpanIdentity;

  /** @param identity ids, flags and trace state */
  constructor(identity: SpanIdentity) {
    this._identity = identity;
  }

  /** @internal What a child span takes over. */
  get identity(): SpanIdentity {
    return this._identity;
  }

  spanContext(): SpanContext {
    return this._identity.read();
  }

  isRecording(): boolean {
    return false;
  }

  setAttribute(): this {
    return this;
  }

  setAttributes(): this {
    return this;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  recordException(): void {}

  end(): void {}
}
