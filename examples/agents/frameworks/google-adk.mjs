/** Google's ADK with a model of our own, offline: an agent with a tool. It makes its spans itself. */
import { BaseLlm, FunctionTool, InMemoryRunner, LlmAgent } from '@google/adk';
import { z } from 'zod';

class FakeLlm extends BaseLlm {
  constructor() {
    super({ model: 'fake-llm' });
  }

  /** Calls the tool first, and then answers with what the tool has found. */
  async *generateContentAsync({ contents }) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const [ticket] = /ticket-\d+/.exec(JSON.stringify(contents));
    const parts = contents.flatMap((content) => content.parts ?? []);
    const done = parts.some((part) => part.functionResponse !== undefined);
    const part = done
      ? { text: `It is about ${ticket}.` }
      : { functionCall: { name: 'look_up', args: { ticket }, id: `call-${ticket}` } };
    yield { content: { role: 'model', parts: [part] } };
  }

  async connect() {
    throw new Error('there is no live connection to a fake');
  }
}

const lookUp = new FunctionTool({
  name: 'look_up',
  description: 'Looks a ticket up',
  parameters: z.object({ ticket: z.string() }),
  execute: async ({ ticket }) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return { found: `contents of ${ticket}` };
  },
});

export const name = 'Google ADK';
export const expected = ['invocation', 'invoke_agent', 'call_llm', 'execute_tool'];

export function connect() {
  const agent = new LlmAgent({
    name: 'clerk',
    description: 'Knows tickets',
    instruction: 'Look the ticket up.',
    model: new FakeLlm(),
    tools: [lookUp],
  });
  const runner = new InMemoryRunner({ agent, appName: 'agents' });
  return {
    async ask(question) {
      const newMessage = { role: 'user', parts: [{ text: question }] };
      let answer = '';
      for await (const event of runner.runEphemeral({ userId: 'user', newMessage })) {
        for (const part of event.content?.parts ?? []) answer += part.text ?? '';
      }
      return answer;
    },
  };
}
