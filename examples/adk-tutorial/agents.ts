/** The two agents, as Google's ADK has them. Nothing here knows of tracing. */
import {
  FunctionTool,
  InMemorySessionService,
  isFinalResponse,
  LlmAgent,
  LogLevel,
  Runner,
  setLogLevel,
} from '@google/adk';

setLogLevel(LogLevel.WARN);
const model = process.env['GEMINI_MODEL'] ?? 'gemini-2.5-flash';

const searchLibrary = new FunctionTool({
  name: 'search_library',
  description: 'Finds pages that introduce the subject.',
  execute: () => ({ pages: ['An introduction', 'The same in figures', 'What critics say'] }),
});

export const researchAgent = new LlmAgent({
  name: 'research_agent',
  model,
  description: 'Finds out what is known.',
  instruction: 'Search the library once, then answer in two or three sentences.',
  tools: [searchLibrary],
});

export const analysisAgent = new LlmAgent({
  name: 'analysis_agent',
  model,
  description: 'Judges what was found.',
  instruction: 'Analyse the findings in two or three sentences.',
});

const appName = 'adk_tutorial';
const sessionService = new InMemorySessionService();

/** Has an agent answer one message. */
export async function ask(agent: LlmAgent, userId: string, message: string): Promise<string> {
  const { id: sessionId } = await sessionService.createSession({ appName, userId });
  const runner = new Runner({ agent, appName, sessionService });
  const newMessage = { role: 'user', parts: [{ text: message }] };
  let answer = '';
  for await (const event of runner.runAsync({ userId, sessionId, newMessage })) {
    if (isFinalResponse(event)) answer = event.content?.parts?.[0]?.text ?? '';
    if (event.errorMessage !== undefined) throw new Error(event.errorMessage);
  }
  return answer;
}
