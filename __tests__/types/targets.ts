/* What decorators may not stand on, and what callbacks may not do: each line must be an error in both protocols. */
import { DistributedEntry, Enrich, Trace } from './decorators.js';

export class Bare {
  @Trace method() {}
  @Trace static make() {}
  @Trace get total() {
    return 1;
  }
  @Trace field = () => 1;
  @DistributedEntry enter(_headers: Headers) {}
  // @ts-expect-error there is nothing to enrich with
  @Enrich enriched() {}
  // @ts-expect-error nor here
  @Enrich() enrichedToo() {}
}

export class WrongTargets {
  // @ts-expect-error a field that holds no function
  @Trace() price = 5;
  // @ts-expect-error a field that holds no function
  @Trace({ name: 'x' }) static shop = 'left';
  // @ts-expect-error a field that holds no function
  @Enrich({ metadata: { a: 1 } }) list = [1];
  @Trace() anything: any = () => 1;
  @Trace() something: unknown = () => 1;
  @Trace() fn: Function = () => 1;
  @Trace() maybe?: () => void;
}

export class WrongCallbacks {
  rate = 1;
  // @ts-expect-error the result is a number
  @Trace({ outputs: (result: string) => result }) result(_a: string): number {
    return 1;
  }
  // @ts-expect-error the settled result is a number
  @Trace({ outputs: (result) => result.length }) settled(_a: string): Promise<number> {
    return Promise.resolve(1);
  }
  // @ts-expect-error the argument is a string
  @Trace({ inputs: (a: number) => a }) argument(_a: string) {}
  // @ts-expect-error there is one argument
  @Trace({ inputs: (a, b) => [a, b] }) count(_a: string) {}
  // @ts-expect-error the argument has no such property
  @Trace({ metadata: (a) => a.nope }) property(_a: string) {}
  // @ts-expect-error the receiver has no such property
  @Trace({ metadata() { return this.nope; } }) receiver() {} // prettier-ignore
  // @ts-expect-error an argument of options per call
  @Trace((a) => ({ name: a.nope })) perCall(_a: string) {}
  // @ts-expect-error a callback in options per call
  @Trace((a) => ({ name: a, outputs: (result) => result.nope })) perCallOutput(a: string) {
    return a;
  }
  // @ts-expect-error a field's argument
  @Trace({ inputs: (a) => a.nope }) field = (a: string) => a;
  // @ts-expect-error a getter's value
  @Trace({ outputs: (value) => value.nope }) get total() {
    return this.rate;
  }
  // @ts-expect-error a getter has no arguments
  @Trace({ inputs: (a) => a }) get count2() {
    return this.rate;
  }
  // @ts-expect-error a selector's argument
  @DistributedEntry((headers) => headers.nope) selected(_headers: Headers) {}
  // @ts-expect-error a session id is a string
  @DistributedEntry({ sessionId: (n) => n }) session(_n: number) {}
  // @ts-expect-error chunks are strings
  @Trace({ aggregate: (chunks: number[]) => chunks }) *generator() {
    yield 'a';
  }
  // @ts-expect-error metadata is no function of the result
  @Enrich({ metadata: (result: number, a: string) => [result, a] }) enriched(_a: string): number {
    return 1;
  }
}

export class WrongOptions {
  // @ts-expect-error an unknown option
  @Trace({ nam: 'x' }) unknown() {}
  // @ts-expect-error an unknown event type
  @Trace({ eventType: 'agent' }) eventType() {}
  // @ts-expect-error an unknown trust
  @DistributedEntry({ trust: 'always' }) trust() {}
  // @ts-expect-error an entry's option
  @Trace({ carrier: 0 }) carrier() {}
  // @ts-expect-error a number is no name
  @Trace(5) name() {}
}
