/**
 * A local stand-in for the Gemini API, so that the agents run without network and key: it has a tool called if one is
 * offered and was not called yet, else it answers with a sentence. The agents' real client speaks to it.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** As much of a request as is looked at. */
interface Request {
  contents: { parts?: Part[] }[];
  tools?: { functionDeclarations?: { name: string }[] }[];
}
interface Part {
  text?: string;
  functionCall?: { name: string; args: object };
  functionResponse?: object;
}

function reply({ contents, tools }: Request): Part {
  const tool = tools?.[0]?.functionDeclarations?.[0]?.name;
  const parts = contents.flatMap((content) => content.parts ?? []);
  const message = contents[0]?.parts?.[0]?.text ?? '';
  const called = parts.some((part) => part.functionResponse !== undefined);
  if (tool !== undefined && !called) return { functionCall: { name: tool, args: {} } };
  return { text: `What can be said about "${message.slice(0, 60)}", by a model that is not one.` };
}

/** @returns the server and its address, for `GOOGLE_GEMINI_BASE_URL` */
export async function startModel(): Promise<{ server: Server; url: string }> {
  const server = createServer(async (request, response) => {
    const part = reply((await json(request)) as Request);
    const answer = JSON.stringify({
      candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP', index: 0 }],
      usageMetadata: { promptTokenCount: 20, candidatesTokenCount: 15, totalTokenCount: 35 },
    });
    const streamed = request.url?.includes('alt=sse') === true;
    response.setHeader('connection', 'close'); // a kept connection would keep its client from ending
    response.setHeader('content-type', streamed ? 'text/event-stream' : 'application/json');
    response.end(streamed ? `data: ${answer}\n\n` : answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
