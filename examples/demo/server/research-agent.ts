import { Injectable } from '@nestjs/common';
import { enrichSpan, Trace } from 'spanwise';

/** A small agent: it looks something up, then has a model (here a function) put it into words. */
@Injectable()
export class ResearchAgent {
  @Trace({ eventType: 'chain', inputs: true })
  async research(query: string): Promise<string> {
    const documents = await this.search(query);
    return this.summarize(query, documents);
  }

  @Trace({ eventType: 'tool', outputs: (documents) => ({ found: documents.length }) })
  async search(query: string): Promise<string[]> {
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 15));
    return query.split(' ').map((word) => `a page about ${word}`);
  }

  @Trace({ eventType: 'model', config: { model: 'offline-1' } })
  async summarize(query: string, documents: string[]): Promise<string> {
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 15));
    enrichSpan({ metrics: { documents: documents.length } });
    return `what is known of "${query}" from ${documents.length} pages`;
  }
}
