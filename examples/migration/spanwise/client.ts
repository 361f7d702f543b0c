/** The client with Spanwise. */
import { injectContextIntoCarrier, SessionTracer, Trace, withSession } from 'spanwise';

const tracer = SessionTracer.init({ project: 'shop', source: 'client' });
const url = process.env['AGENT_SERVER_URL'] as string;

class Client {
  @Trace({ eventType: 'chain', inputs: (query) => ({ query }), outputs: true })
  async userCall(query: string): Promise<string> {
    const found = await this.callAgent1(query);
    return this.callAgent2(found);
  }

  @Trace({ eventType: 'chain', metadata: { mode: 'remote' } })
  async callAgent1(query: string): Promise<string> {
    const headers = injectContextIntoCarrier({ 'content-type': 'application/json' });
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
    if (!response.ok) throw new Error(`agent 1 answered ${response.status}`);
    return ((await response.json()) as { answer: string }).answer;
  }

  @Trace({ eventType: 'chain', metadata: { mode: 'local' } })
  async callAgent2(text: string): Promise<string> {
    return `In short: ${text}.`;
  }
}

const client = new Client();
async function session(id: string, query: string): Promise<void> {
  await withSession(id, () => client.userCall(query)).catch(() => undefined);
}

await Promise.all([session('s-1', 'tea and cake'), session('s-2', 'far more than agent one can bear')]);
await tracer.shutdown();
process.disconnect?.();
