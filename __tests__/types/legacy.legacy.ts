/* What only legacy decorators can do, or refuse. */
import { applyDecorators, Get } from '@nestjs/common';
import { Enrich, is, Trace } from './decorators.js';

export const Composed = () =>
  applyDecorators(
    Trace({ outputs: (result, ...args) => [result, args] }),
    Enrich({ metadata: { a: 1 } }),
    Get(),
  );

export class Shop {
  @Composed() price() {}
  overloaded(value: string): string;
  overloaded(value: number): number;
  @Trace({ inputs: (value) => is<number>()(value) })
  overloaded(value: any): any {
    return value;
  }
  // @ts-expect-error a parameter
  parameter(@Trace() _net: number) {}
}

// @ts-expect-error bare decorators on classes are for the standard protocol: write @Trace()
@Trace
export class Bare {}
