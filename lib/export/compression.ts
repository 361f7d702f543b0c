/** Gzip, on another thread, for bodies that are worth it. */
import { builtin } from './platform.js';
import { pieceBytes } from './transport.js';

export interface Body {
  readonly pieces: readonly Uint8Array[];
  readonly encoding: 'gzip' | undefined;
}

/** Below this size compressing costs more than it saves. */
export const COMPRESS_FROM_BYTES = 4_096;
/** Where the user asked for it, smaller ones are compressed too. */
export const ASKED_COMPRESS_FROM_BYTES = 512;

/**
 * Compresses a body.
 *
 * @param pieces the body
 * @param from the size in bytes from which on it is compressed
 */
export async function compress(pieces: readonly Uint8Array[], from: number): Promise<Body> {
  const plain: Body = { pieces, encoding: undefined };
  if (pieceBytes(pieces) < from) return plain;
  try {
    const zlib = builtin('node:zlib');
    if (zlib !== undefined) {
      const joined = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
      // Level 1: spans repeat themselves so much that the higher levels only cost time.
      const packed = await new Promise<Uint8Array>((resolve, reject) => {
        zlib.gzip(joined, { level: 1 }, (error, result) =>
          error === null ? resolve(result) : reject(error),
        );
      });
      return { pieces: [packed], encoding: 'gzip' };
    }
    if (typeof CompressionStream === 'function') {
      const stream = new Blob(pieces as Uint8Array<ArrayBuffer>[])
        .stream()
        .pipeThrough(new CompressionStream('gzip'));
      return { pieces: [new Uint8Array(await new Response(stream).arrayBuffer())], encoding: 'gzip' };
    }
  } catch {
    // Sending it as it is always works.
  }
  return plain;
}
