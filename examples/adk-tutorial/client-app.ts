/** Process A: the user's side. It asks the research agent over HTTP, and the analysis agent here. */
import { enrichSpan, injectContextIntoCarrier, SessionTracer, Trace } from 'spanwise';
import { analysisAgent, ask } from './agents.js';

const tracer = SessionTracer.init({
  project: process.env['HH_PROJECT'] ?? 'distributed-tracing-tutorial',
  source: 'client-app',
  resource: { 'service.name': 'client-app' },
  sessionName: 'adk tutorial',
});
const agentServerUrl = process.env['AGENT_SERVER_URL'] ?? 'http://127.0.0.1:5003';

class ClientApp {
  @Trace({ name: 'user_call', eventType: 'chain', inputs: (_userId, query) => ({ query }) })
  async userCall(userId: string, query: string): Promise<string> {
    return this.callPrincipal(userId, query);
  }

  @Trace({ name: 'call_principal', eventType: 'chain' })
  async callPrincipal(userId: string, query: string): Promise<string> {
    const research = await this.callAgent1(userId, query);
    const analysis = await this.callAgent2(userId, research);
    return `Research: ${research}\n\nAnalysis: ${analysis}`;
  }

  /** Remote: the agent server's process. */
  @Trace({ name: 'call_agent_1', eventType: 'chain', inputs: (_userId, query) => ({ query }) })
  async callAgent1(userId: string, query: string): Promise<string> {
    const headers = injectContextIntoCarrier({ 'content-type': 'application/json' });
    const response = await fetch(`${agentServerUrl}/agent/invoke`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ user_id: userId, query, agent_name: 'research_agent' }),
    });
    if (!response.ok) throw new Error(`the agent server answered ${response.status}`);
    const { response: answer } = (await response.json()) as { response: string };
    enrichSpan({ outputs: { response: answer }, metadata: { mode: 'remote' } });
    return answer;
  }

  /** Local: this process. */
  @Trace({ name: 'call_agent_2', eventType: 'chain', inputs: (_userId, research) => ({ research }) })
  async callAgent2(userId: string, research: string): Promise<string> {
    const answer = await ask(analysisAgent, userId, `Analyse: ${research}`);
    enrichSpan({ outputs: { response: answer }, metadata: { mode: 'local' } });
    return answer;
  }
}

const client = new ClientApp();
console.log(await client.userCall('demo_user', 'Explain the benefits of renewable energy'));
console.log(await client.userCall('demo_user', 'What are the main challenges?'));
await tracer.shutdown();
process.send?.({ sessionId: tracer.sessionId });
process.disconnect?.();
