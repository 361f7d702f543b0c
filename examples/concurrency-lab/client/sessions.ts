/** Runs sessions, many at once, each in a context of its own. */
import { withBaggage, withSession } from 'spanwise';
import { AgentClient, type SessionPlan } from './agent-client.js';

export interface RunOptions {
  readonly agentUrl: string;
  /** The first session's number, from 0. */
  readonly first: number;
  readonly sessions: number;
  readonly concurrency: number;
  /** What shares of the sessions meet an error, or give up. */
  readonly throwShare: number;
  readonly abortShare: number;
  readonly maxDelayMs: number;
  /** Sessions begin one after the other over so long, in milliseconds; 0: as soon as there is room. */
  readonly spreadMs: number;
  /** Start each session at the backend. */
  readonly announce: boolean;
}

/** One session in the answer of `POST /concurrent/test`. */
export interface SessionResult {
  session_identifier: string;
  session_id: string;
  user_id: string;
  success: boolean;
  /** Milliseconds. */
  duration: number;
  agent_1_mode: string | null;
  agent_2_mode: string | null;
  query: string;
  error: string | null;
  /** The traced calls that were made in the client. */
  client_spans: number;
  /** The caller gave up waiting. */
  gave_up: boolean;
  /** The server was gone. */
  interrupted: boolean;
}

/** SESSION_A … SESSION_Z, SESSION_AA …, as a spreadsheet names its columns. */
export function identifierOf(index: number): string {
  let letters = '';
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  }
  return `SESSION_${letters}`;
}

export async function runSessions(options: RunOptions): Promise<SessionResult[]> {
  const client = new AgentClient(options.agentUrl);
  const results: SessionResult[] = [];
  let next = 0;
  const start = performance.now();
  const lane = async (): Promise<void> => {
    while (next < options.sessions) {
      const early = start + (next / options.sessions) * options.spreadMs - performance.now();
      const index = options.first + next++;
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      results.push(await runSession(client, planFor(index, options), options.announce));
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, options.sessions) }, lane));
  return results;
}

async function runSession(client: AgentClient, plan: SessionPlan, announce: boolean): Promise<SessionResult> {
  const baggage = { session_identifier: plan.identifier, user_id: plan.userId };
  const options = { sessionName: `lab ${plan.identifier}`, skipApiCall: !announce };
  return withSession(options, (sessionId) =>
    withBaggage(baggage, async () => {
      const start = performance.now();
      let error: string | null = null;
      let gaveUp = false;
      try {
        await client.userCall(plan);
      } catch (reason) {
        error = describe(reason);
        gaveUp = (reason as { name?: unknown }).name === 'TimeoutError';
      }
      return {
        session_identifier: plan.identifier,
        session_id: sessionId,
        user_id: plan.userId,
        success: error === null,
        duration: performance.now() - start,
        agent_1_mode: plan.agent1Mode ?? null,
        agent_2_mode: plan.agent2Mode ?? null,
        query: plan.query,
        error,
        client_spans: plan.spans,
        gave_up: gaveUp,
        interrupted: plan.interrupted === true,
      };
    }),
  );
}

/** Without the address, so that the same error reads the same each time. */
function describe(reason: unknown): string {
  const { code } = reason as { code?: unknown };
  return typeof code === 'string' ? `${String((reason as Error).name)} (${code})` : String(reason);
}

/** The same number always gives the same plan. */
function planFor(index: number, { throwShare, abortShare, maxDelayMs }: RunOptions): SessionPlan {
  const identifier = identifierOf(index);
  const luck = chance(index, 1);
  const delayMs = Math.floor(chance(index, 2) * maxDelayMs);
  const plan: SessionPlan = {
    identifier,
    userId: `user_${index + 1}`,
    query: `tea-in-${identifier}`,
    delayMs,
    spans: 0,
  };
  if (luck < throwShare) return { ...plan, fault: luck < throwShare / 2 ? 'server-throws' : 'client-throws' };
  if (luck < throwShare + abortShare) {
    // Long before the server answers: a busy loop reads answers that are there before it looks at its timers.
    const fault = { abortAfterMs: 1 + Math.floor(chance(index, 3) * 10) };
    return { ...plan, delayMs: 300 + delayMs, fault };
  }
  return plan;
}

/** A number from 0 to 1 that looks random and is not (a multiplicative hash). */
function chance(index: number, salt: number): number {
  let hash = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}
