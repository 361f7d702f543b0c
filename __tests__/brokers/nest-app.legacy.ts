/** A NestJS microservice and its client on any transport, and what has to hold on all of them. */
import 'reflect-metadata';
import { Controller, Logger, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  type ClientOptions,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { SpanwiseModule } from '../../lib/integrations/nestjs.js';
import { DistributedEntry } from '../../lib/index.js';
import type { Exchange } from './contract.js';

/** What the handlers of one test belong to. */
export const current: { exchange: Exchange; contexts: unknown[] } = {
  exchange: undefined as unknown as Exchange,
  contexts: [],
};
const tracer = (): Exchange['receiver'] => current.exchange.receiver;

interface Order {
  text: string;
}

@Controller()
class Orders {
  @MessagePattern('with-context')
  @DistributedEntry({ tracer })
  withContext(@Payload() order: Order, @Ctx() context: any): Promise<string> {
    current.contexts.push(context);
    return current.exchange.handle(order.text);
  }

  @DistributedEntry({ tracer })
  @MessagePattern('payload-only')
  payloadOnly(@Payload() order: Order): Promise<string> {
    return current.exchange.handle(order.text);
  }

  @EventPattern('event')
  @DistributedEntry({ tracer })
  async event(@Payload() order: Order, @Ctx() context: any): Promise<void> {
    current.contexts.push(context);
    await current.exchange.handle(order.text);
  }
}

@Module({ imports: [SpanwiseModule.forRoot()], controllers: [Orders] })
class AppModule {}

/** Starts the service on a transport, and a client for it. */
export async function startNest(
  server: MicroserviceOptions,
  client: ClientOptions,
): Promise<{ app: INestMicroservice; client: ClientProxy; close(): Promise<void> }> {
  Logger.overrideLogger(false);
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
    ...server,
    logger: false,
  });
  await app.listen();
  const made = ClientProxyFactory.create(client) as ClientProxy;
  return {
    app,
    client: made,
    close: async () => {
      await made.close();
      await app.close();
    },
  };
}
