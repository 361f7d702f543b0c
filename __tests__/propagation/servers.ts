/** Servers that answer with what a handler makes of its request, and a client that sends headers as they are written. */
import 'reflect-metadata';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { Controller, Get, Module, Req, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import fastify from 'fastify';

/** What a handler answers with: an object for JSON. */
export type Handler = (request: object) => object;
export interface Running {
  readonly port: number;
  close(): Promise<unknown>;
}

async function listening(server: http.Server): Promise<Running> {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** A NestJS application; its decorators are called as functions, which both protocols of decorators allow. */
async function nest(
  handler: Handler,
  create: (module: new () => object) => Promise<INestApplication>,
): Promise<Running> {
  class Root {
    handle(request: object): object {
      return handler(request);
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Root.prototype, 'handle') as PropertyDescriptor;
  Get()(Root.prototype, 'handle', descriptor);
  Req()(Root.prototype, 'handle', 0);
  Controller()(Root);
  class App {}
  Module({ controllers: [Root] })(App);
  const app = await create(App);
  await app.listen(0, '127.0.0.1');
  return { port: (app.getHttpServer().address() as AddressInfo).port, close: () => app.close() };
}

/** Name of the framework → how to start it. */
export const SERVERS: readonly (readonly [string, (handler: Handler) => Promise<Running>])[] = [
  [
    'node:http',
    (handler) =>
      listening(
        http
          .createServer((request, response) => void response.end(JSON.stringify(handler(request))))
          .listen(0, '127.0.0.1'),
      ),
  ],
  [
    'Express',
    (handler) => {
      const app = express();
      app.get('/', (request, response) => void response.json(handler(request)));
      return listening(app.listen(0, '127.0.0.1'));
    },
  ],
  [
    'Fastify',
    async (handler) => {
      const app = fastify();
      app.get('/', (request, reply) => reply.send(handler(request)));
      await app.listen({ port: 0, host: '127.0.0.1' });
      return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
    },
  ],
  [
    'NestJS on Express',
    (handler) =>
      nest(handler, (module) => NestFactory.create(module, new ExpressAdapter(), { logger: false })),
  ],
  [
    'NestJS on Fastify',
    (handler) =>
      nest(handler, (module) => NestFactory.create(module, new FastifyAdapter(), { logger: false })),
  ],
];

/** Sends one request with these header lines, byte by byte as they are, and returns what the handler answered. */
export function send(port: number, lines: readonly string[]): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(
        ['GET / HTTP/1.1', 'Host: localhost', 'Connection: close', ...lines, '', ''].join('\r\n'),
        'latin1',
      );
    });
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('end', () => {
      const body = /\{.*\}/.exec(answer)?.[0];
      if (body === undefined) reject(new Error(answer.slice(0, 200)));
      else resolve(JSON.parse(body) as Record<string, string>);
    });
  });
}
