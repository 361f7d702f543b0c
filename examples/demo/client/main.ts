/** The client: several sessions at once, each with its own user, calling agent 1 remotely and agent 2 here. */
import { SessionTracer, withBaggage, withSession } from 'spanwise';
import { AgentClient, type Broken } from './agent-client.js';

const tracer = SessionTracer.init({
  project: 'demo',
  source: 'client',
  resource: { 'service.name': 'client' },
  baggageAttributes: ['session_identifier', 'user_id'],
});

const count = Number(process.env['SESSIONS'] ?? 4);
const client = new AgentClient(process.env['SERVER_URL'] as string, process.env['BREAK'] as Broken);

const sessions = Array.from({ length: count }, (_, index) => {
  const identifier = `SESSION_${index + 1}`;
  const baggage = { session_identifier: identifier, user_id: `user_${index + 1}` };
  return withSession({ sessionName: `demo ${identifier}` }, (sessionId) =>
    withBaggage(baggage, async () => {
      const answer = await client.userCall(`the price of tea in ${identifier}`);
      return { identifier, userId: baggage.user_id, sessionId, answer };
    }),
  );
});

const results = await Promise.all(sessions);
await tracer.shutdown();
process.send?.({ results });
process.disconnect?.();
