import { describe, expect, it, jest } from '@jest/globals';
import { runLab } from './run-lab.js';

// The lab ends by itself; this only bounds what a broken one could take. `npm run lab:scale` is the same in large.
jest.setTimeout(180_000);

const WHOLE = { ok: true, mixed: 0, orphans: 0, missing: 0, complaints: '', faults: {} };

describe('the concurrency lab', () => {
  it('keeps sessions apart on one event loop and in worker threads', async () => {
    const { code, outcome } = await runLab('--mode', 'check', '--sessions', '6');
    // 3 spans of the client and 8 of the agent server per session.
    expect(outcome).toMatchObject({ ...WHOLE, sessions: 14, spans: 14 * 11, failedAsPlanned: 0 });
    expect(outcome.waves.map(({ where }) => where)).toEqual([
      'the defaults',
      'one event loop',
      '2 worker threads',
    ]);
    // `POST /concurrent/test` with an empty body.
    expect(outcome.summary).toMatchObject({ status: 'ok', sessions_run: 2 });
    expect(outcome.summary.results.map((result) => result['session_identifier']).sort()).toEqual([
      'SESSION_A',
      'SESSION_B',
    ]);
    for (const result of outcome.summary.results) {
      expect(result).toMatchObject({
        session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        user_id: expect.stringMatching(/^user_[12]$/),
        success: true,
        duration: expect.any(Number),
        agent_1_mode: 'remote',
        agent_2_mode: 'local',
      });
    }
    expect(code).toBe(0);
  });

  it('finds them mixed where callbacks of a pool, a loader and a queue are not bound', async () => {
    const { code, outcome } = await runLab('--mode', 'check', '--sessions', '30', '--break', 'context');
    expect(outcome.ok).toBe(false);
    expect(outcome.mixed).toBeGreaterThan(0);
    expect(code).toBe(1);
  });

  it('keeps 150 sessions apart that fail, give up and lose their server', async () => {
    const { code, outcome } = await runLab('--mode', 'chaos', '--sessions', '150', '--concurrency', '75');
    expect(outcome).toMatchObject(WHOLE);
    expect(outcome.sessions).toBe(3 * 150);
    // Planned errors did happen, and requests did share batches.
    expect(outcome.threw).toBeGreaterThan(0);
    expect(outcome.gaveUp).toBeGreaterThan(0);
    expect(outcome.waves[0]!.largestBatch).toBeGreaterThan(1);
    // A killed server takes spans with it; that of some sessions it took none is known, too.
    expect(outcome.waves[2]!.where).toMatch(
      /^SIGKILL in the middle, \d+ calls hit, the spans of \d+ at stake$/,
    );
    expect(outcome.waves[2]!.spans).toBeGreaterThan(150 * 3);
    expect(code).toBe(0);
  });
});
