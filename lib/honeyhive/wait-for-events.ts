/** Waiting until a backend, which stores events some time after they were sent, shows what is expected. */
import type { ExportQuery, HoneyHiveClient } from './client.js';
import type { HoneyHiveEvent } from './event.js';
import { BackendError } from './send-request.js';

/**
 * How long to wait, and how often to look.
 *
 * @category Backend
 */
export interface WaitOptions {
  /** How long to wait altogether, in milliseconds. @default 30000 */
  timeoutMs?: number;
  /** The first pause between two looks, in milliseconds; it grows by half each time. @default 50 */
  baseMs?: number;
  /** The longest pause, in milliseconds. @default 2000 */
  capMs?: number;
}

/**
 * Asks for events again and again, ever more slowly, until the predicate holds, and returns them.
 *
 * @param client where to ask
 * @param query which events; all pages are read
 * @param predicate what must hold, such as `(events) => events.length >= 4`
 * @param options the time limit and pauses in milliseconds
 * @returns the events for which the predicate held
 * @throws `BackendError` after the time limit, with the number of events seen last
 * @example
 * ```ts
 * import { HoneyHiveClient, waitForEvents, whereIs } from 'spanwise';
 *
 * const client = new HoneyHiveClient({ serverUrl: 'http://localhost:4318' });
 * const { session_id: id } = await client.startSession({ session_name: 'checkout', project: 'shop' });
 * const query = { filters: [whereIs('session_id', id)] };
 * const events = await waitForEvents(client, query, (all) => all.length >= 1, { timeoutMs: 5_000 });
 * console.log(events.length); // 1
 * ```
 * @category Backend
 */
export async function waitForEvents(
  client: HoneyHiveClient,
  query: Omit<ExportQuery, 'page'>,
  predicate: (events: HoneyHiveEvent[]) => boolean,
  options: WaitOptions = {},
): Promise<HoneyHiveEvent[]> {
  const { timeoutMs = 30_000, baseMs = 50, capMs = 2_000 } = options;
  const deadline = Date.now() + timeoutMs;
  for (let look = 0; ; look++) {
    const events = await client.exportAllEvents(query);
    if (predicate(events)) return events;
    const pause = Math.min(capMs, baseMs * 1.5 ** look) * (0.9 + 0.2 * Math.random());
    if (Date.now() + pause > deadline) {
      throw new BackendError(
        `after ${timeoutMs} ms and ${look + 1} looks the ${events.length} events found are not what was expected`,
        undefined,
        look + 1,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
