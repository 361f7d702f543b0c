/**
 * MCP: a tool's caller is in the `_meta` of its request, which the server hands over beside the arguments, by any
 * transport.
 *
 * ```text
 * ask [tool] session=s-1
 * └─ Tools.call [tool] SERVER
 *    └─ Tools.count [tool]
 * ```
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  type CallToolRequest,
  type CallToolResult,
} from '@modelcontextprotocol/sdk/types.js';
import {
  DistributedEntry,
  injectContextIntoCarrier,
  SessionTracer,
  Trace,
  withSession,
  withSpan,
} from 'spanwise';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

class Tools {
  @DistributedEntry({ eventType: 'tool' })
  async call(request: CallToolRequest, _extra: object): Promise<CallToolResult> {
    return { content: [{ type: 'text', text: await this.count(request.params.name) }] };
  }

  @Trace()
  async count(_name: string): Promise<string> {
    return '3';
  }
}

const server = new Server({ name: 'stock', version: '1.0.0' }, { capabilities: { tools: {} } });
const tools = new Tools();
server.setRequestHandler(CallToolRequestSchema, (request, extra) => tools.call(request, extra));

const client = new Client({ name: 'shop', version: '1.0.0' });
const [near, far] = InMemoryTransport.createLinkedPair();
await server.connect(far);
await client.connect(near);

await withSession('s-1', () =>
  withSpan('ask', () =>
    client.callTool({ name: 'count', arguments: {}, _meta: injectContextIntoCarrier({}) }),
  ),
);
await client.close();
await tracer.shutdown();
console.log(spans.tree());
