import { expect, it, jest } from '@jest/globals';
import { runLab } from './run-lab.js';

// The lab ends by itself; this only bounds what a broken one could take.
jest.setTimeout(180_000);

it('sessions stay whole at steady rates, which are reported with and without tracing', async () => {
  const { code, outcome } = await runLab(
    ...['--mode', 'stress', '--sessions', '40', '--concurrency', '20', '--rate', '100', '--seconds', '2'],
  );
  expect(outcome).toMatchObject({ ok: true, mixed: 0, orphans: 0, missing: 0, complaints: '', faults: {} });
  expect(outcome.loads.map(({ where }) => where)).toEqual([
    '100 requests/s with tracing',
    '100 requests/s without',
    '300 requests/s with tracing',
    '300 requests/s without',
  ]);
  for (const load of outcome.loads) {
    expect(load).toMatchObject({ errors: 0, non2xx: 0 });
    expect(load.medianMs).toBeGreaterThan(0);
    expect(load.requestsPerSecond).toBeGreaterThan(0);
  }
  // Every request that the server took was a session of its own, and is whole.
  const [slow, , fast] = outcome.loads;
  expect(slow).toMatchObject({ holds: true });
  expect(fast).toMatchObject({ holds: true });
  expect(slow!.sessions).toBeGreaterThan(50);
  expect(outcome.ratios.medianMs).toBeGreaterThan(0);
  expect(code).toBe(0);
});
