/** A Nest application that knows nothing of tracing. */
import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Inject, Injectable, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { trace } from '@opentelemetry/api';

const PEER = process.env['PEER'] as string;

@Injectable()
class Prices {
  async of(item: string): Promise<string> {
    const span = trace.getTracer('app').startSpan('price');
    await delay(2);
    span.end();
    return `${item}: ${await (await fetch(`${PEER}/price`)).text()}`;
  }
}

@Controller('items')
class ItemsController {
  constructor(@Inject(Prices) private readonly prices: Prices) {}

  @Get(':item')
  find(@Param('item') item: string): Promise<string> {
    return this.prices.of(item);
  }
}

@Module({ controllers: [ItemsController], providers: [Prices] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
console.log(await app.getUrl());
