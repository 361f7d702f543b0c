/* What callbacks are given, without a single annotation in them. */
import type { ArgsOf, ChunkOf, ResultOf } from '../../lib/decorators/member-types.js';
import { DistributedEntry, Enrich, is, Trace, type Same } from './decorators.js';

interface Observable<T> {
  subscribe(observer: { next?: (value: T) => void; error?: (e: unknown) => void }): { unsubscribe(): void };
  pipe(...operators: unknown[]): unknown;
}

export class Shop {
  rate = 2;

  @Trace({
    outputs(result, a, b) {
      is<number>()(result);
      is<string>()(a);
      is<boolean | undefined>()(b);
      is<Shop>()(this);
    },
    inputs: (a, b) => [is<string>()(a), is<boolean | undefined>()(b)],
    metrics: (result) => ({ length: result.toFixed() }),
    metadata: (a) => ({ a: a.length }),
    tracer(a) {
      return this.rate > 1 ? a : undefined;
    },
    attributes: (a) => ({ a }),
    links: () => [],
    eventId: (a) => a,
  })
  method(a: string, b?: boolean): Promise<number> {
    return Promise.resolve(b ? a.length : 0);
  }

  @Trace((a) => ({
    name: a.toUpperCase(),
    outputs: (result, again) => [is<number>()(result), is<string>()(again)],
  }))
  perCall(a: string): number {
    return a.length;
  }

  @Trace(function (a) {
    is<Shop>()(this);
    return a;
  })
  named(a: string) {
    return a;
  }

  @Trace({
    outputs(result, a) {
      is<number>()(result);
      is<string>()(a);
      is<typeof Shop>()(this);
    },
  })
  static make(a: string): number {
    return a.length;
  }

  @Trace({
    outputs(result, ...args) {
      is<number | undefined>()(result);
      is<[]>()(args);
      is<Shop>()(this);
    },
  })
  get total(): number | undefined {
    return this.rate;
  }

  @Trace({
    outputs(result, a) {
      is<number>()(result);
      is<string>()(a);
      is<Shop>()(this);
    },
  })
  field = (a: string): number => a.length;

  @Trace({
    outputs(result, a) {
      is<number>()(result);
      is<string>()(a);
      is<typeof Shop>()(this);
    },
  })
  static field = async (a: string): Promise<number> => a.length;

  @Trace({ outputs: (result, a) => [is<void>()(result), is<string>()(a)] })
  optional?: (a: string) => void;

  @Trace({ aggregate: (chunks) => is<string[]>()(chunks), outputs: (result) => result.whatever })
  *generator() {
    yield 'a';
    return 5;
  }

  @Trace({ aggregate: (chunks) => is<string[]>()(chunks) })
  async *flow() {
    yield 'a';
  }

  @Trace({ aggregate: (chunks) => is<string[]>()(chunks) })
  async completion(): Promise<AsyncIterable<string>> {
    return this.flow();
  }

  @Trace({ aggregate: (chunks) => is<number[]>()(chunks) })
  observe(): Observable<number> {
    throw new Error('not run');
  }

  @Trace({ outputs: (result) => is<string[]>()(result) })
  list(): string[] {
    return [];
  }

  @DistributedEntry((headers, body) => [is<Headers>()(headers), is<{ q: string }>()(body)])
  selected(headers: Headers, body: { q: string }) {
    return [headers, body];
  }

  @DistributedEntry({
    carrier: (headers) => headers,
    sessionId(_headers, body) {
      is<Shop>()(this);
      return body.q;
    },
    trust: 'link',
    baggage: ['tenant'],
    outputs: (result) => is<number>()(result),
  })
  entered(headers: Headers, body: { q: string }): number {
    return [headers, body].length;
  }

  @DistributedEntry({ carrier: 0, span: false })
  attached(_headers: Headers) {}

  @Enrich({ metadata: { tier: 'gold' }, outputs: (answer) => ({ length: answer.length }) })
  @Trace({ eventType: 'chain' })
  async answer(q: string): Promise<string> {
    return q;
  }
}

/* The method type is carried whole. */
class Kept {
  @Trace() generic<T extends string>(value: T): T[] {
    return [value];
  }
  overloaded(value: string): string;
  overloaded(value: number): number;
  @Trace()
  overloaded(value: any): any {
    return value;
  }
  @Trace() field = <T>(value: T): T => value;
}
const kept = new Kept();
is<'a'[]>()(kept.generic('a'));
is<string>()(kept.overloaded('a'));
is<number>()(kept.overloaded(1));
is<5>()(kept.field(5 as const));

/* Decorators made away from their member. */
export const Audited = Trace({ outputs: (result, ...args) => [result, args] });
export const made = (name: string) => Trace({ name });
export class Users {
  @Audited method(a: string) {
    return a;
  }
  @Audited static make() {}
  @Audited field = () => 1;
  @Audited get total() {
    return 1;
  }
  @made('x') other() {}
}
@Audited
export class Whole {}
@made('x')
export abstract class Part {}
@Trace({ inputs: (...args) => args })
export class Single {
  private constructor() {}
  static get() {
    return new Single();
  }
}

const same: [
  Same<ArgsOf<(a: string, b?: number) => void>, [a: string, b?: number]>,
  Same<ArgsOf<number>, []>,
  Same<ArgsOf<any>, any[]>,
  Same<ArgsOf<(() => void) | undefined>, []>,
  Same<ResultOf<() => Promise<Promise<string>>>, string>,
  Same<ResultOf<() => string[]>, string[]>,
  Same<ResultOf<() => Map<string, number>>, Map<string, number>>,
  Same<ResultOf<() => Generator<string>>, any>,
  Same<ResultOf<() => Promise<AsyncIterable<string>>>, any>,
  Same<ResultOf<Date>, Date>,
  Same<ChunkOf<() => Generator<string, number>>, string>,
  Same<ChunkOf<() => Promise<AsyncGenerator<string>>>, string>,
  Same<ChunkOf<() => string[]>, any>,
  Same<ChunkOf<any>, any>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true];
export { same };
