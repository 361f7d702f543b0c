import { enrichSpan, injectContextIntoCarrier, Trace } from 'spanwise';
import { post, type Reply } from './post.js';

/** What one session is to do, and what it has done. */
export interface SessionPlan {
  readonly identifier: string;
  readonly userId: string;
  readonly query: string;
  /** How long the agent server takes, in milliseconds. */
  readonly delayMs: number;
  /** What goes wrong: the server throws, the client throws, or the client gives up after so many milliseconds. */
  readonly fault?: 'server-throws' | 'client-throws' | { readonly abortAfterMs: number };
  /** How many traced calls were made here, counted without tracing. */
  spans: number;
  agent1Mode?: string;
  agent2Mode?: string;
  /** The server went away under the call. */
  interrupted?: boolean;
}

/** The user's side: agent 1 is another service, agent 2 runs here. */
export class AgentClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  @Trace({ name: 'user_call', eventType: 'chain' })
  async userCall(plan: SessionPlan): Promise<string> {
    count(plan);
    let found = '';
    let failure: unknown;
    try {
      found = await this.callAgent1(plan);
    } catch (error) {
      failure = error;
    }
    const answer = await this.callAgent2(plan, found);
    if (failure !== undefined) throw failure;
    return answer;
  }

  @Trace({ name: 'call_agent_1', eventType: 'chain' })
  async callAgent1(plan: SessionPlan): Promise<string> {
    count(plan);
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    injectContextIntoCarrier(headers, { url: this.#url });
    const signal = typeof plan.fault === 'object' ? AbortSignal.timeout(plan.fault.abortAfterMs) : undefined;
    const { identifier, query, delayMs } = plan;
    const body = JSON.stringify({ identifier, query, delayMs, fail: plan.fault === 'server-throws' });
    let reply: Reply;
    try {
      reply = await post(`${this.#url}/agent/invoke`, headers, body, signal);
    } catch (error) {
      if (signal?.aborted !== true) plan.interrupted = true;
      throw error;
    }
    if (reply.status !== 200) throw new Error(`agent 1 answered ${reply.status}`);
    const { answer, pid } = JSON.parse(reply.body) as { answer: string; pid: number };
    plan.agent1Mode = modeOf(pid);
    return answer;
  }

  @Trace({ name: 'call_agent_2', eventType: 'chain' })
  async callAgent2(plan: SessionPlan, text: string): Promise<string> {
    count(plan);
    await new Promise((resolve) => setTimeout(resolve, 1 + (plan.delayMs % 7)));
    plan.agent2Mode = modeOf(process.pid);
    if (plan.fault === 'client-throws') throw new Error(`planned for ${plan.identifier}`);
    enrichSpan({ metrics: { characters: text.length } });
    return `In short: ${text}.`;
  }
}

/** Counts a traced call, and says on its span for whom it is: from what was handed on, and not from any context. */
function count(plan: SessionPlan): void {
  plan.spans++;
  enrichSpan({ metadata: { session_identifier: plan.identifier } });
}

/** Whether a call was answered by this process is seen from who answered. */
function modeOf(pid: number): 'local' | 'remote' {
  return pid === process.pid ? 'local' : 'remote';
}
