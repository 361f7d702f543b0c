/** The agent server with Spanwise. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { DistributedEntry, SessionTracer, Trace } from 'spanwise';

const tracer = SessionTracer.init({ project: 'shop', source: 'agent-server' });

class Agent {
  // #region entry
  @DistributedEntry({ eventType: 'chain', inputs: (query) => ({ query }), outputs: true })
  // #endregion
  async invoke(query: string): Promise<string> {
    const pages = await this.search(query);
    return this.summarize(query, pages);
  }

  @Trace({ eventType: 'tool', outputs: (pages) => ({ found: pages.length }) })
  async search(query: string): Promise<string[]> {
    return query.split(' ').map((word) => `a page about ${word}`);
  }

  @Trace({ eventType: 'model', outputs: true })
  async summarize(query: string, pages: string[]): Promise<string> {
    if (pages.length > 5) throw new RangeError(`${pages.length} pages are too many`);
    return `${pages.length} pages about ${query}`;
  }
}

const agent = new Agent();
const server = createServer(async (request, response) => {
  try {
    const { query } = (await json(request)) as { query: string };
    response.end(JSON.stringify({ answer: await agent.invoke(query) }));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', async () => {
  server.close();
  await tracer.shutdown();
});
