/** Gateways of NestJS, on real WebSockets: the handler of a message continues what the message brings. */
import 'reflect-metadata';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SpanKind } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { DistributedEntry, injectContextIntoCarrier } from '../../lib/index.js';
import { shutdownAll } from '../support/harness.js';
import { Exchange } from '../brokers/contract.js';

interface Message {
  text: string;
  traceparent?: unknown;
  baggage?: unknown;
}

let exchange: Exchange;

@WebSocketGateway()
class AgentGateway {
  @DistributedEntry()
  @SubscribeMessage('above')
  async above(@MessageBody() message: Message): Promise<object> {
    return { event: 'answer', data: await exchange.handle(message.text) };
  }

  @SubscribeMessage('below')
  @DistributedEntry()
  async below(@ConnectedSocket() socket: WebSocket, @MessageBody() message: Message): Promise<object> {
    expect(typeof socket.send).toBe('function');
    return { event: 'answer', data: await exchange.handle(message.text) };
  }
}

@Module({ providers: [AgentGateway] })
class GatewayModule {}

let app: INestApplication;
let url: string;

beforeAll(async () => {
  app = await NestFactory.create(GatewayModule, { logger: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  url = `ws://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
});
afterAll(() => app?.close());
beforeEach(() => {
  exchange = new Exchange();
});
afterEach(shutdownAll);

async function connect(): Promise<WebSocket> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  return socket;
}

async function ask(socket: WebSocket, event: string, data: Message): Promise<string> {
  const reply = once(socket, 'message');
  socket.send(JSON.stringify({ event, data }));
  const [answer] = (await reply) as [Buffer];
  return (JSON.parse(answer.toString()) as { data: string }).data;
}

describe.each(['above', 'below'])('a decorator %s @SubscribeMessage', (event) => {
  it('continues 20 sessions of 20 sockets at once', async () => {
    const sockets = await Promise.all(Array.from({ length: 20 }, connect));
    const waiting = [...sockets];
    const texts = await exchange.send(20, async (text) => {
      const message: Message = { text };
      injectContextIntoCarrier(message as unknown as Record<string, string>);
      expect(await ask(waiting.pop()!, event, message)).toBe(`answer to ${text}`);
    });
    exchange.expectContinued(texts, SpanKind.SERVER);
    for (const socket of sockets) socket.terminate();
  });

  it('handles messages without headers, and with mangled ones, on one socket', async () => {
    const socket = await connect();
    const mangled: Record<string, Message> = {
      none: { text: 'none' },
      text: { text: 'text', traceparent: 'nonsense', baggage: '%%%=,' },
      types: { text: 'types', traceparent: 7, baggage: [{}, null] },
    };
    for (const [text, message] of Object.entries(mangled)) {
      expect(await ask(socket, event, message)).toBe(`answer to ${text}`);
    }
    exchange.expectUncontinued(Object.keys(mangled), SpanKind.SERVER);
    socket.terminate();
  });
});
