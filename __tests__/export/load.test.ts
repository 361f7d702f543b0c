/**
 * Outages and memory under load. Short by default; SPANWISE_LONG=1 makes the outages 60 s (SPANWISE_OUTAGE_SECONDS
 * sets another length) and sends a million spans.
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import type { Behaviour } from './children/server.js';
import { cleanUp, pause, startLoad, startServer } from './harness.js';

const long = process.env['SPANWISE_LONG'] === '1';
const outageSeconds = long ? Number(process.env['SPANWISE_OUTAGE_SECONDS'] ?? 60) : 3;

afterAll(cleanUp);

const troubles: [string, Behaviour | 'refused'][] = [
  ['refused connections', 'refused'],
  ['a hang', { mode: 'hang' }],
  ['dripping answers', { mode: 'drip' }],
  ['resets', { mode: 'reset' }],
  ['503 with Retry-After', { mode: 'status', status: 503, headers: { 'retry-after': long ? '30' : '2' } }],
];

describe('an outage at 200 spans a second', () => {
  // All at once: what takes time is waiting.
  test(
    'loses and doubles nothing, within 64 MB',
    async () => {
      const outcomes = await Promise.all(
        troubles.map(async ([name, trouble]) => {
          const server = await startServer();
          const app = await startLoad(
            server.url,
            long ? {} : { requestTimeoutMs: 1_500, scheduledDelayMs: 200 },
          );
          await app.ask({ do: 'start' });
          await pause(700);
          if (trouble === 'refused') await server.close();
          else await server.behave(trouble);
          await pause(outageSeconds * 1_000);
          if (trouble === 'refused') await server.listen();
          await server.behave({ mode: 'ok' });
          await pause(700);
          const { made, result, grown } = await app.ask({ do: 'stop', timeoutMs: 45_000 });
          const { spans, duplicates, times } = await server.report();
          await app.stop();
          await server.stop();
          const gaps = times.slice(1).map((time, i) => time - (times[i] as number));
          return { name, made, result, grown, spans, duplicates, gap: Math.max(...gaps) };
        }),
      );
      for (const { name, made, result, grown, spans, duplicates, gap } of outcomes) {
        expect({ name, spans, duplicates, failed: result.failed, dropped: result.dropped }).toEqual({
          name,
          spans: made,
          duplicates: 0,
          failed: 0,
          dropped: 0,
        });
        expect(made).toBeGreaterThan(outageSeconds * 190);
        expect(grown).toBeLessThan(64 * 1_048_576);
        if (name === '503 with Retry-After') expect(gap).toBeGreaterThanOrEqual(long ? 29_900 : 1_990);
      }
    },
    (outageSeconds + 60) * 1_000,
  );
});

describe('memory', () => {
  test(
    'does not grow with the spans and requests that went through, although some requests hang',
    async () => {
      const server = await startServer({ mode: 'ok', hangEvery: long ? 100 : 400 });
      await server.forgetNames();
      // Small batches make many requests. What is answered later than the timeout is sent twice, so it is no short one.
      const app = await startLoad(server.url, { maxBatchSpans: 100, requestTimeoutMs: 2_000 });
      const step = long ? 100_000 : 20_000;
      // Over fewer spans, what a few hanging requests hold at that moment looks like growth.
      const steps = 10;
      await app.ask({ do: 'bulk', count: step });
      const first = await app.ask({ do: 'bulk', count: step });
      const requestsBefore = (await server.report()).requests;
      let last = first;
      for (let i = 2; i < steps; i++) last = await app.ask({ do: 'bulk', count: step });
      const { requests, spans, duplicates } = await server.report();
      await app.stop();
      await server.stop();
      expect({ spans, duplicates }).toEqual({ spans: step * steps, duplicates: 0 });
      const hundredThousands = (last.made - first.made) / 100_000;
      expect((last.heap - first.heap) / hundredThousands).toBeLessThan(1_048_576);
      expect((last.heap - first.heap) / (requests - requestsBefore)).toBeLessThan(1_024);
      // What the system counts moves in larger steps than a short run has.
      if (long) expect((last.rss - first.rss) / hundredThousands).toBeLessThan(1_048_576);
    },
    long ? 600_000 : 90_000,
  );
});

describe('a function that is frozen after its response', () => {
  test('loses and doubles nothing when it is frozen with a request on its way', async () => {
    const server = await startServer({ mode: 'ok', delayMs: 400 });
    const app = await startLoad(server.url, { mode: 'immediate', requestTimeoutMs: 1_000 });
    await app.ask({ do: 'spans', count: 5 });
    await pause(150);
    process.kill(app.pid, 'SIGSTOP');
    await pause(2_000);
    process.kill(app.pid, 'SIGCONT');
    await app.ask({ do: 'spans', count: 5 });
    const { result } = await app.ask({ do: 'stop', timeoutMs: 5_000 });
    expect(result).toEqual({ ok: true, delivered: 10, failed: 0, dropped: 0 });
    expect(await server.report()).toMatchObject({ spans: 10, duplicates: 0, requests: 2 });
    await app.stop();
    await server.stop();
  }, 15_000);

  test('gets over a connection that was closed while it was frozen', async () => {
    const server = await startServer();
    const app = await startLoad(server.url, { mode: 'immediate' });
    await app.ask({ do: 'spans', count: 5 });
    await pause(300);
    process.kill(app.pid, 'SIGSTOP');
    await server.cut();
    await pause(300);
    process.kill(app.pid, 'SIGCONT');
    await app.ask({ do: 'spans', count: 5 });
    const { result } = await app.ask({ do: 'stop', timeoutMs: 5_000 });
    expect(result).toMatchObject({ ok: true, failed: 0, dropped: 0 });
    expect(await server.report()).toMatchObject({ spans: 10, duplicates: 0 });
    await app.stop();
    await server.stop();
  }, 15_000);
});
