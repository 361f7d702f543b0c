/** OpenAI's Agents SDK with a scripted model and a tool; OpenInference's processor makes spans of its traces. */
import { OpenAIAgentsInstrumentation } from '@arizeai/openinference-instrumentation-openai-agents';
import * as agents from '@openai/agents';
import { z } from 'zod';

/** Calls the tool first, and then answers with what the tool has found. */
class ScriptedModel {
  async getResponse({ input }) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const [ticket] = /ticket-\d+/.exec(JSON.stringify(input));
    const done = Array.isArray(input) && input.some(({ type }) => type === 'function_call_result');
    const output = done
      ? {
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: `It is about ${ticket}.` }],
        }
      : {
          type: 'function_call',
          callId: `call-${ticket}`,
          name: 'look_up',
          status: 'completed',
          arguments: JSON.stringify({ ticket }),
        };
    return { usage: new agents.Usage(), output: [output], responseId: `response-${ticket}` };
  }

  async *getStreamedResponse() {
    throw new Error('nothing is streamed here');
  }
}

const lookUp = agents.tool({
  name: 'look_up',
  description: 'Looks a ticket up',
  parameters: z.object({ ticket: z.string() }),
  execute: async ({ ticket }) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return `contents of ${ticket}`;
  },
});

export const name = 'OpenAI Agents';
export const expected = ['clerk', 'look_up'];

export function connect({ provider }) {
  new OpenAIAgentsInstrumentation({ tracerProvider: provider }).manuallyInstrument(agents);
  const agent = new agents.Agent({
    name: 'clerk',
    instructions: 'Look the ticket up.',
    model: new ScriptedModel(),
    tools: [lookUp],
  });
  return {
    ask: async (question) => (await agents.run(agent, question)).finalOutput,
    settle: () => agents.getGlobalTraceProvider().forceFlush(),
  };
}
