import { afterEach, describe, expect, it } from '@jest/globals';
import { trace } from '../../lib/span/trace-function.js';
import { withSpan } from '../../lib/span/with-span.js';
import { collectDiagnostics, parentId, shutdownAll, spanId, startTracer } from '../support/harness.js';

afterEach(shutdownAll);

describe('trace', () => {
  it('traces a plain function: same result, this and arguments, a span per call under the active one', async () => {
    const { recorder } = startTracer();
    const greet = trace(
      function greet(this: { name: string }, who: string): string {
        return `${this.name} greets ${who}`;
      },
      { eventType: 'tool', inputs: (who) => ({ who }) },
    );
    withSpan('outer', () => expect(greet.call({ name: 'I' }, 'you')).toBe('I greets you'));
    expect(recorder.span('greet').attributes).toMatchObject({
      'honeyhive_inputs.who': 'you',
      honeyhive_event_type: 'tool',
    });
    expect(parentId(recorder.span('greet'))).toBe(spanId(recorder.span('outer')));
  });

  it('takes a name, and calls a function without one anonymous', () => {
    const { recorder } = startTracer();
    trace(() => 1, 'named')();
    trace(
      (
        () => () =>
          1
      )(),
    )();
    expect(recorder.names).toEqual(['named', 'anonymous']);
  });

  it('keeps name, length, own properties, symbols and the kind of generator', async () => {
    const { recorder } = startTracer();
    const mark = Symbol('mark');
    async function* pages(_from: number, _to: number): AsyncGenerator<number> {
      yield 1;
    }
    Object.assign(pages, { displayName: 'pages of text', [mark]: true });
    const traced = trace(pages);
    expect([traced.name, traced.length]).toEqual(['pages', 2]);
    expect((traced as unknown as Record<symbol, unknown>)[mark]).toBe(true);
    expect((traced as unknown as { displayName: string }).displayName).toBe('pages of text');
    expect(Object.getPrototypeOf(traced)).toBe(Object.getPrototypeOf(pages));
    const items: number[] = [];
    for await (const item of traced(1, 2)) items.push(item);
    expect(items).toEqual([1]);
    expect(recorder.names).toEqual(['pages']);
  });

  it('leaves the function it was given alone', () => {
    const { recorder } = startTracer();
    const plain = (): number => 1;
    expect(trace(plain)).not.toBe(plain);
    plain();
    expect(recorder.names).toEqual([]);
  });

  it('refuses what is no function, and reports unknown options', () => {
    const said = collectDiagnostics();
    expect(() => trace(null as never)).toThrow('[SPW_TARGET] trace() takes a function, not null');
    expect(() => trace(class Shop {} as never)).toThrow('not the class Shop');
    trace(() => 1, { nmae: 'x' } as never);
    expect(said.join()).toContain('unknown option "nmae"');
  });

  it('runs the function once, unchanged, without a tracer', () => {
    let runs = 0;
    expect(trace(() => ++runs)()).toBe(1);
    expect(runs).toBe(1);
  });
});

describe('an async function that has nothing to record', () => {
  it('is ended as abandoned by a shutdown, and still gives its result or error', async () => {
    const { tracer, recorder } = startTracer();
    let resolve!: (value: string) => void;
    let reject!: (error: Error) => void;
    const slow = trace(async () => new Promise<string>((done) => (resolve = done)), { name: 'slow' });
    const failing = trace(async () => new Promise<string>((_, fail) => (reject = fail)), { name: 'failing' });
    const pending = [slow(), failing()] as const;
    await tracer.shutdown();
    expect(recorder.spans.map(({ attributes }) => attributes['spanwise.abandoned'])).toEqual([true, true]);
    const error = new Error('late');
    resolve('value');
    reject(error);
    expect(await pending[0]).toBe('value');
    await expect(pending[1]).rejects.toBe(error);
    expect(recorder.spans).toHaveLength(2);
  });

  it('is open until the stream is read that it resolves to', async () => {
    const { recorder } = startTracer();
    const read = trace(
      async () =>
        (async function* () {
          yield 1;
          yield 2;
        })(),
      { name: 'read' },
    );
    const stream = await read();
    expect(recorder.spans).toEqual([]);
    const seen: number[] = [];
    for await (const chunk of stream) seen.push(chunk);
    expect(seen).toEqual([1, 2]);
    expect(recorder.names).toEqual(['read']);
  });

  it('records an error once', async () => {
    const { recorder } = startTracer();
    const error = new RangeError('no');
    await expect(
      trace(
        async () => {
          throw error;
        },
        { name: 'bad' },
      )(),
    ).rejects.toBe(error);
    expect(recorder.span('bad').events).toHaveLength(1);
    expect(recorder.span('bad').status.code).toBe(2);
  });
});
