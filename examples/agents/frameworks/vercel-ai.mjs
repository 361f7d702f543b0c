/** Vercel's AI SDK with a mock model and a tool; it makes its own spans if it is asked to. */
import { generateText, stepCountIs, streamText, tool } from 'ai';
import { MockLanguageModelV3, simulateReadableStream } from 'ai/test';
import { z } from 'zod';

const usage = {
  inputTokens: { total: 3, noCache: 3, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 5, text: 5, reasoning: 0 },
};
const finish = (unified) => ({ unified, raw: unified });

/** Calls the tool first, and then answers with what the tool has found. */
const model = new MockLanguageModelV3({
  doGenerate: async ({ prompt }) => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const ticket = ticketIn(prompt);
    const done = prompt.some(({ role }) => role === 'tool');
    const call = { type: 'tool-call', toolCallId: `call-${ticket}`, toolName: 'look_up' };
    return {
      content: done
        ? [{ type: 'text', text: `It is about ${ticket}.` }]
        : [{ ...call, input: JSON.stringify({ ticket }) }],
      finishReason: finish(done ? 'stop' : 'tool-calls'),
      usage,
      warnings: [],
    };
  },
  doStream: async ({ prompt }) => ({
    stream: simulateReadableStream({
      chunkDelayInMs: 1,
      chunks: [
        { type: 'stream-start', warnings: [] },
        { type: 'text-start', id: '1' },
        ...['It is ', 'about ', `${ticketIn(prompt)}.`].map((delta) => ({
          type: 'text-delta',
          id: '1',
          delta,
        })),
        { type: 'text-end', id: '1' },
        { type: 'finish', finishReason: finish('stop'), usage },
      ],
    }),
  }),
});

const lookUp = tool({
  description: 'Looks a ticket up',
  inputSchema: z.object({ ticket: z.string() }),
  execute: async ({ ticket }) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return `contents of ${ticket}`;
  },
});

export const name = 'Vercel AI SDK';
export const expected = ['ai.generateText', 'ai.generateText.doGenerate', 'ai.toolCall', 'ai.streamText'];

export function connect() {
  const experimental_telemetry = { isEnabled: true };
  return {
    async ask(prompt) {
      const tools = { look_up: lookUp };
      const { text } = await generateText({
        model,
        prompt,
        tools,
        stopWhen: stepCountIs(3),
        experimental_telemetry,
      });
      const { textStream } = streamText({ model, prompt, experimental_telemetry });
      let streamed = '';
      for await (const chunk of textStream) streamed += chunk;
      if (streamed !== text) throw new Error(`streamed ${streamed}, generated ${text}`);
      return text;
    },
  };
}

function ticketIn(prompt) {
  return /ticket-\d+/.exec(JSON.stringify(prompt))[0];
}
