/** The contract of a transport: one request, one answer, never a rejection. */

export interface TransportRequest {
  readonly pieces: readonly Uint8Array[];
  readonly headers: Record<string, string>;
  readonly timeoutMs: number;
}

/** What came back. */
export type Answer =
  | {
      readonly status: number;
      readonly retryAfter: string | undefined;
      readonly contentType: string;
      readonly body: Uint8Array;
    }
  | {
      readonly status: 0;
      /** What went wrong, in words. */
      readonly error: string;
      /** The request itself is impossible, so trying again is no use. */
      readonly hopeless: boolean;
      /** A kept-alive connection turned out to be closed: nothing is known about the backend. */
      readonly staleConnection: boolean;
    };

/** A request on its way. */
export interface Sending {
  readonly answer: Promise<Answer>;
  /** Whether all its bytes are with the operating system, so that they arrive even if the process ends now. */
  handedOver(): boolean;
  /** Whether it has its answer and nothing reads the pieces any more; a backend may answer before it has read them all. */
  released(): boolean;
  abort(): void;
}

export interface Transport {
  send(request: TransportRequest): Sending;
  /** Closes idle connections. */
  close(): void;
}

/** More of a response than this is never of interest. */
export const MAX_RESPONSE_BYTES = 65_536;

/** The headers that each request has whatever the user says. */
export function pieceBytes(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}
