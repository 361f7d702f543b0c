/* What only standard decorators can do, or refuse. */
import { is, Trace } from './decorators.js';

export class Safe {
  rate = 2;
  @Trace({
    outputs(result, a) {
      is<number>()(result);
      is<string>()(a);
      is<Safe>()(this);
    },
  })
  #open(a: string): Promise<number> {
    return Promise.resolve(a.length);
  }
  @Trace({ outputs: (result, a) => [is<number>()(result), is<string>()(a)] })
  accessor dial = (a: string): number => a.length;
  @Trace({ outputs: (result, a) => [is<number>()(result), is<string>()(a)] })
  static accessor #knob = (a: string): number => a.length;
  @Trace #bare() {}

  /* A getter's value is the result even when it is a function. */
  @Trace({ outputs: (value, ...args) => [is<(a: string) => number>()(value), is<[]>()(args)] })
  get opener(): (a: string) => number {
    return (a) => a.length;
  }

  // @ts-expect-error the argument has no such property
  @Trace({ inputs: (a) => a.nope }) #wrong(_a: string) {}
  // @ts-expect-error an accessor that holds no function
  @Trace() accessor wrong = 5;
  // @ts-expect-error a setter
  @Trace() set wrongToo(_value: () => void) {}
  // @ts-expect-error a setter
  @Trace set bare(_value: () => void) {}

  all() {
    return [this.#open('a'), this.#bare(), this.#wrong('a'), Safe.#knob('a')];
  }
}

@Trace
export class Whole {}
