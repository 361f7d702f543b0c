/* eslint-disable @typescript-eslint/no-unused-vars -- entries look at parameters that their methods do not. */
/** What a user decorates, in the part that both protocols know; compiled once for each. */
import { DistributedEntry, Enrich, Trace, enrichSpan, getBaggage, injectContextIntoCarrier } from 'spanwise';

type Carrier = Record<string, unknown>;
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
export const FAILURE = new Error('the kettle is empty');

export class Kitchen {
  @Trace({ inputs: true, outputs: true })
  add(a: number, b: number): number {
    return a + b;
  }

  @Trace({ eventType: 'tool' })
  async brew(what: string): Promise<string> {
    await pause();
    return this.pour(what);
  }

  @Trace()
  pour(what: string): string {
    return `a cup of ${what}`;
  }

  @Trace()
  *count(to: number): Generator<number, string> {
    for (let n = 1; n <= to; n++) yield this.add(n, 0);
    return 'counted';
  }

  @Trace({ aggregate: (chunks: unknown[]) => chunks.join('') })
  async *stream(words: string[]): AsyncGenerator<string> {
    for (const word of words) {
      await pause();
      yield word;
    }
  }

  @Trace()
  async fail(): Promise<never> {
    await pause();
    throw FAILURE;
  }

  @Trace()
  failNow(): never {
    throw FAILURE;
  }

  @Trace()
  static open(): typeof Kitchen {
    return this;
  }

  @Trace()
  get size(): number {
    return 3;
  }

  @Trace()
  serve = (what: string): string => this.pour(what);
}

@Trace()
export class Shelf {
  take(): string {
    return 'a tin';
  }
}

export class Agent {
  @DistributedEntry({ carrier: 0 })
  @Trace({ eventType: 'chain' })
  @Enrich({ metadata: { tier: 'gold' }, outputs: (answer) => ({ length: answer.length }) })
  async invoke(_carrier: unknown, query: string): Promise<string> {
    await pause();
    enrichSpan({ metrics: { cups: 1 } });
    return new Kitchen().brew(query);
  }

  @DistributedEntry({ carrier: 0 })
  whoAsks(_carrier: unknown): string | undefined {
    return getBaggage('session_id');
  }

  @Trace()
  passOn(): Carrier {
    return injectContextIntoCarrier({});
  }
}

export class Server {
  /** Finds the request by itself, among the arguments. */
  @DistributedEntry()
  async answer(_request: unknown): Promise<string> {
    return new Kitchen().brew('tea');
  }

  /** Was not given the request. */
  @DistributedEntry()
  async answerBlind(): Promise<string> {
    return new Kitchen().brew('tea');
  }
}
