import type { IncomingHttpHeaders } from 'node:http';
import { Body, Controller, Headers, Inject, Post } from '@nestjs/common';
import { DistributedEntry, Enrich, Trace } from 'spanwise';
import { ResearchAgent } from './research-agent.js';

interface Query {
  query: string;
}

/** One decorator line continues the caller's trace and session; nothing else here knows of tracing. */
@Controller('agent')
export class AgentController {
  constructor(@Inject(ResearchAgent) private readonly agent: ResearchAgent) {}

  @Post('invoke')
  @DistributedEntry()
  @Trace({ eventType: 'chain' })
  @Enrich({ metadata: { tier: 'gold' }, outputs: (reply) => ({ length: reply.answer.length }) })
  async invoke(@Headers() _headers: IncomingHttpHeaders, @Body() body: Query): Promise<{ answer: string }> {
    return { answer: await this.agent.research(body.query) };
  }
}
