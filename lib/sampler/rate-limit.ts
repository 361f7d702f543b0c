/**
 * A limit of new sessions per second that never splits a session.
 */

/** Sessions whose admission is remembered. */
const MAX_SESSIONS = 10_000;

/** Admits so many new sessions per second; who was admitted, or refused, stays so. */
export class SessionRateLimit {
  private readonly decided = new Map<string, boolean>();
  private tokens: number;
  private last = Date.now();

  /** @param perSecond new sessions per second; below 1, one in so many seconds */
  constructor(private readonly perSecond: number) {
    this.tokens = Math.max(1, perSecond);
  }

  /**
   * Tells whether a session may be kept.
   *
   * @param session its id, or a trace's where there is no session
   */
  admits(session: string): boolean {
    const before = this.decided.get(session);
    const admitted = before ?? this.take();
    // The one that was seen last goes to the end: the oldest is forgotten first.
    if (before !== undefined) this.decided.delete(session);
    else if (this.decided.size >= MAX_SESSIONS) this.forgetOldest();
    this.decided.set(session, admitted);
    return admitted;
  }

  private forgetOldest(): void {
    for (const oldest of this.decided.keys()) {
      this.decided.delete(oldest);
      return;
    }
  }

  private take(): boolean {
    const now = Date.now();
    // A clock that is set back gives nothing and takes nothing.
    const elapsed = Math.max(0, now - this.last) / 1_000;
    this.last = now;
    this.tokens = Math.min(Math.max(1, this.perSecond), this.tokens + elapsed * this.perSecond);
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
