import { describe, expect, it } from '@jest/globals';
import { HoneyHiveClient } from '../../lib/honeyhive/client.js';
import { waitForEvents } from '../../lib/honeyhive/wait-for-events.js';

/** A backend that shows one more event at every look, two per page. */
function growingBackend(): { client: HoneyHiveClient; looks: () => number } {
  let looks = 0;
  const client = new HoneyHiveClient({
    serverUrl: 'http://backend.test',
    fetch: async (_input, init) => {
      const { page } = JSON.parse(String(init?.body)) as { page: number };
      if (page === 1) looks++;
      const all = Array.from({ length: looks }, (_, index) => ({ event_id: String(index) }));
      return Response.json({ events: all.slice(page * 2 - 2, page * 2), totalEvents: all.length });
    },
  });
  return { client, looks: () => looks };
}

describe('waitForEvents', () => {
  it('looks again until the predicate holds over all pages', async () => {
    const { client, looks } = growingBackend();
    const events = await waitForEvents(client, { limit: 2 }, (all) => all.length === 5, {
      baseMs: 1,
      capMs: 2,
    });
    expect(events.map((event) => event.event_id)).toEqual(['0', '1', '2', '3', '4']);
    expect(looks()).toBe(5);
  });

  it('gives up after the time limit and says how much it saw', async () => {
    const { client } = growingBackend();
    const never = waitForEvents(client, {}, () => false, { timeoutMs: 40, baseMs: 1, capMs: 5 });
    await expect(never).rejects.toThrow(/after 40 ms and \d+ looks the \d+ events/);
  });

  it('passes on what the predicate throws', async () => {
    const { client } = growingBackend();
    const error = new Error('mine');
    const wait = waitForEvents(client, {}, () => {
      throw error;
    });
    await expect(wait).rejects.toBe(error);
  });
});
