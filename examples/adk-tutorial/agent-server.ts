/** Process B: the research agent behind `POST /agent/invoke`. */
import type { AddressInfo } from 'node:net';
import express from 'express';
import { DistributedEntry, SessionTracer } from 'spanwise';
import { ask, researchAgent } from './agents.js';

const tracer = SessionTracer.init({
  project: process.env['HH_PROJECT'] ?? 'distributed-tracing-tutorial',
  source: 'agent-server',
  resource: { 'service.name': 'agent-server' },
});

class AgentServer {
  // The one line: trace and session of the caller go on here, and the agent's own spans hang below. It finds the
  // headers of the request that is being served by itself.
  @DistributedEntry({ name: 'run_agent', eventType: 'chain', inputs: (_userId, query) => ({ query }) })
  async runAgent(userId: string, query: string): Promise<string> {
    return ask(researchAgent, userId, query);
  }
}

const agentServer = new AgentServer();
const app = express();
app.use(express.json());
app.post('/agent/invoke', async (request, response) => {
  const { user_id: userId, query } = request.body as { user_id: string; query: string };
  response.json({ response: await agentServer.runAgent(userId, query), agent: researchAgent.name });
});

const server = app.listen(Number(process.env['PORT'] ?? 5003), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`agent server on port ${port}`);
  process.send?.({ url: `http://127.0.0.1:${port}` });
});

process.once('disconnect', async () => {
  server.close();
  await tracer.shutdown();
  process.exit(0);
});
