import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolRequest,
  type CallToolResult,
} from '@modelcontextprotocol/sdk/types.js';
import { SpanKind } from '@opentelemetry/api';
import { DistributedEntry, injectContextIntoCarrier } from '../../lib/index.js';
import { shutdownAll } from '../support/harness.js';
import { Exchange, MANGLED } from './contract.js';

describe('MCP, by @modelcontextprotocol/sdk', () => {
  let exchange: Exchange;
  const ends: (() => unknown)[] = [];

  class Tools {
    @DistributedEntry({ tracer: () => exchange.receiver })
    async call(request: CallToolRequest, _extra: object): Promise<CallToolResult> {
      const text = await exchange.handle(String(request.params.arguments?.['text']));
      return { content: [{ type: 'text', text }] };
    }
  }
  const makeServer = (): Server => {
    const server = new Server({ name: 'orders', version: '1.0.0' }, { capabilities: { tools: {} } });
    const tools = new Tools();
    server.setRequestHandler(CallToolRequestSchema, (request, extra) => tools.call(request, extra));
    return server;
  };
  const call = async (client: Client, text: string, meta?: Record<string, unknown>): Promise<unknown> => {
    const params = { name: 'place', arguments: { text }, ...(meta === undefined ? {} : { _meta: meta }) };
    return ((await client.callTool(params)) as CallToolResult).content[0];
  };

  beforeEach(() => {
    exchange = new Exchange();
  });
  afterEach(shutdownAll);
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  const makeClients: Record<string, () => Promise<Client>> = {
    'in memory': async () => {
      const [near, far] = InMemoryTransport.createLinkedPair();
      const client = new Client({ name: 'shop', version: '1.0.0' });
      await makeServer().connect(far);
      await client.connect(near);
      ends.push(() => client.close());
      return client;
    },
    'over HTTP': async () => {
      const listener = http.createServer((request, response) => {
        // Without sessions of MCP's own, every request has a server.
        const transport = new StreamableHTTPServerTransport({});
        response.once('close', () => void transport.close());
        void makeServer()
          .connect(transport as Parameters<Server['connect']>[0])
          .then(() => transport.handleRequest(request, response));
      });
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
      const { port } = listener.address() as AddressInfo;
      const client = new Client({ name: 'shop', version: '1.0.0' });
      const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`));
      await client.connect(transport as Parameters<Client['connect']>[0]);
      ends.push(
        () => new Promise((resolve) => listener.close(resolve)),
        () => listener.closeAllConnections(),
        () => client.close(),
      );
      return client;
    },
  };

  describe.each(Object.entries(makeClients))('%s', (_name, makeClient) => {
    let client: Client;
    beforeAll(async () => {
      client = await makeClient();
    });

    it('20 concurrent calls continue 20 sessions, and each gets its own answer', async () => {
      const answers: unknown[] = [];
      const texts = await exchange.send(20, async (text) => {
        answers.push(await call(client, text, injectContextIntoCarrier({ progressToken: text })));
      });
      exchange.expectContinued(texts, SpanKind.SERVER);
      const wanted = new Set(
        texts.map((text) => JSON.stringify({ type: 'text', text: `answer to ${text}` })),
      );
      expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(wanted);
    });

    it('handles calls whose _meta was dropped or mangled', async () => {
      const cases: Record<string, Record<string, unknown> | undefined> = {
        ...MANGLED,
        'no _meta': undefined,
        numbers: { traceparent: 5, baggage: [1, 2] },
        objects: { traceparent: { _meta: { traceparent: 'x' } }, baggage: null },
      };
      for (const [text, meta] of Object.entries(cases)) await call(client, text, meta);
      exchange.expectUncontinued(Object.keys(cases), SpanKind.SERVER);
    });
  });
});
