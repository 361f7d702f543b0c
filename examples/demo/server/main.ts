/** The agent server: NestJS with its own (legacy) decorators. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionTracer } from 'spanwise';
import { AgentController } from './agent.controller.js';
import { ResearchAgent } from './research-agent.js';

const tracer = SessionTracer.init({
  project: 'demo',
  source: 'agent-server',
  resource: { 'service.name': 'agent-server' },
  baggageAttributes: ['session_identifier', 'user_id'],
});

@Module({ controllers: [AgentController], providers: [ResearchAgent] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
const port = Number(process.env['PORT'] ?? 0);
try {
  await app.listen(port, '127.0.0.1');
} catch (error) {
  const busy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  process.stderr.write(
    busy ? `port ${port} is in use; give another with --server-port\n` : `${String(error)}\n`,
  );
  process.exit(1);
}
process.send?.({ url: await app.getUrl() });

const stop = async (): Promise<void> => {
  await app.close();
  await tracer.shutdown();
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('disconnect', () => void stop());
