import { enrichSpan, injectContextIntoCarrier, Trace } from 'spanwise';

/** Which header is taken away before the call, to show that the check of the demo can fail. */
export type Broken = 'baggage' | 'trace' | undefined;

/** The user's side: agent 1 is another service, agent 2 runs here. Standard (TC39) decorators. */
export class AgentClient {
  readonly #url: string;
  readonly #broken: Broken;

  constructor(url: string, broken: Broken) {
    this.#url = url;
    this.#broken = broken;
  }

  @Trace({ name: 'user_call', eventType: 'chain', inputs: (query) => ({ query }) })
  async userCall(query: string): Promise<string> {
    const found = await this.callAgent1(query);
    return this.callAgent2(found);
  }

  @Trace({ name: 'call_agent_1', eventType: 'chain', metadata: { mode: 'remote' } })
  async callAgent1(query: string): Promise<string> {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    injectContextIntoCarrier(headers, { url: this.#url });
    if (this.#broken === 'baggage') delete headers['baggage'];
    if (this.#broken === 'trace') delete headers['traceparent'];
    const response = await fetch(`${this.#url}/agent/invoke`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query }),
    });
    if (!response.ok) throw new Error(`agent 1 answered ${response.status}`);
    const { answer } = (await response.json()) as { answer: string };
    return answer;
  }

  @Trace({ name: 'call_agent_2', eventType: 'chain', metadata: { mode: 'local' } })
  async callAgent2(text: string): Promise<string> {
    await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 8));
    enrichSpan({ metrics: { characters: text.length } });
    return `In short: ${text}.`;
  }
}
