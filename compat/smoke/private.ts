/** What standard decorators alone can stand on. */
import { Trace } from 'spanwise';

export class Safe {
  @Trace()
  #open(code: number): number {
    return code * 2;
  }

  @Trace()
  accessor dial = (by: number): number => by + 1;

  both(code: number): number {
    return this.dial(this.#open(code));
  }
}
