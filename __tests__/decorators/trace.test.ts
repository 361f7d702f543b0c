import { afterEach, describe, expect, it } from '@jest/globals';
import { context, ROOT_CONTEXT, SpanStatusCode, trace as api } from '@opentelemetry/api';
import { Observable, firstValueFrom, of, lastValueFrom } from 'rxjs';
import { OWNER_KEY } from '../../lib/context/keys.js';
import { Enrich } from '../../lib/decorators/enrich.js';
import { Trace } from '../../lib/decorators/trace.js';
import { withSpan } from '../../lib/span/with-span.js';
import { tracerRegistry } from '../../lib/tracer/registry.js';
import { collectDiagnostics, parentId, shutdownAll, spanId, startTracer } from '../support/harness.js';

afterEach(shutdownAll);

describe('@Trace', () => {
  it('makes a span Class.method of every call, with this, arguments and result untouched', async () => {
    class Shop {
      readonly name = 'corner';
      @Trace()
      greet(who: string, times = 1): string {
        return `${this.name}: ${'hi '.repeat(times)}${who}`;
      }
      @Trace
      async slow(): Promise<string> {
        await null;
        return this.name;
      }
      @Trace('renamed')
      static make(): Shop {
        return new this();
      }
    }
    const { recorder } = startTracer();
    const shop = Shop.make();
    expect(shop.greet('you', 2)).toBe('corner: hi hi you');
    await expect(shop.slow()).resolves.toBe('corner');
    expect(recorder.names).toEqual(['renamed', 'Shop.greet', 'Shop.slow']);
    expect(shop.greet.name).toBe('greet');
    expect(shop.greet.length).toBe(1);
    expect(Shop.make.name).toBe('make');
  });

  it('runs the method once, unchanged, when no tracer is live', async () => {
    let runs = 0;
    class Quiet {
      @Trace({ inputs: () => expect(true).toBe(false) })
      run(): number {
        return ++runs;
      }
    }
    expect(new Quiet().run()).toBe(1);
    expect(runs).toBe(1);
  });

  it('is decided at call time: a class defined before init is traced after it', () => {
    class Early {
      @Trace()
      run(): number {
        return 1;
      }
    }
    const early = new Early();
    early.run();
    const { recorder } = startTracer();
    early.run();
    expect(recorder.names).toEqual(['Early.run']);
  });

  it('traces getters and fields that hold functions', () => {
    class Things {
      @Trace()
      get answer(): number {
        return 42;
      }
      @Trace()
      static shout = (text: string): string => text.toUpperCase();
    }
    const { recorder } = startTracer();
    expect(new Things().answer).toBe(42);
    expect(Things.shout('a')).toBe('A');
    expect(recorder.names).toEqual(['Things.answer', 'Things.shout']);
  });

  it('traces all methods of a class, keeps the class itself, and gives a method with its own @Trace one span', () => {
    @Trace()
    class Whole {
      one(): number {
        return 1;
      }
      @Trace({ name: 'second', eventType: 'chain' })
      two(): number {
        return this.one() + 1;
      }
      static three(): number {
        return 3;
      }
    }
    const { recorder } = startTracer();
    expect(new Whole().two()).toBe(2);
    expect(Whole.three()).toBe(3);
    expect(recorder.names).toEqual(['Whole.one', 'second', 'Whole.three']);
    expect(recorder.span('second').attributes['honeyhive_event_type']).toBe('chain');
    expect(Whole.name).toBe('Whole');
  });

  it('asks options per call, with the receiver as this', () => {
    class Tenant {
      constructor(readonly id: string) {}
      @Trace(function (this: Tenant, item: string) {
        return { name: `${this.id}.${item}`, attributes: { item } };
      })
      buy(item: string): string {
        return item;
      }
      @Trace((item: string) => item)
      sell(item: string): string {
        return item;
      }
    }
    const { recorder } = startTracer();
    new Tenant('t1').buy('tea');
    new Tenant('t2').sell('milk');
    expect(recorder.names).toEqual(['t1.tea', 'milk']);
    expect(recorder.span('t1.tea').attributes['item']).toBe('tea');
  });

  it('chooses the tracer by name, by itself, or by a callback on the receiver', () => {
    const a = startTracer({ name: 'a' });
    const b = startTracer({ name: 'b' });
    class Multi {
      which = 'b';
      @Trace({ tracer: 'b' })
      named(): void {}
      @Trace({ tracer: () => b.tracer })
      itself(): void {}
      @Trace({
        tracer(this: Multi) {
          return this.which;
        },
      })
      called(): void {}
      @Trace({ tracer: 'nobody' })
      unknown(): void {}
    }
    const said = collectDiagnostics();
    const multi = new Multi();
    multi.named();
    multi.itself();
    multi.called();
    multi.unknown();
    expect(b.recorder.names).toEqual(['Multi.named', 'Multi.itself', 'Multi.called']);
    expect(a.recorder.names).toEqual(['Multi.unknown']);
    expect(said.join()).toContain('[SPW_TRACER_UNKNOWN]');
  });

  it('follows generators: started at the first pull, active inside, ended by break', () => {
    const { recorder } = startTracer();
    const inside: (string | undefined)[] = [];
    class Numbers {
      @Trace()
      *count(to: number): Generator<number, void, unknown> {
        for (let i = 0; i < to; i++) {
          inside.push((api.getActiveSpan() as { name?: string } | undefined)?.name);
          yield i;
        }
      }
    }
    const pending = new Numbers().count(5);
    expect(recorder.started).toEqual([]);
    for (const n of pending) if (n === 2) break;
    expect(recorder.names).toEqual(['Numbers.count']);
    expect(inside).toEqual(['Numbers.count', 'Numbers.count', 'Numbers.count']);
    expect(recorder.span('Numbers.count').status.code).toBe(SpanStatusCode.UNSET);
    expect(api.getActiveSpan()).toBeUndefined();
  });

  it('makes one span per subscription of an Observable', async () => {
    const { recorder } = startTracer();
    class Feed {
      @Trace()
      items(): Observable<number> {
        return of(1, 2, 3);
      }
    }
    const items = new Feed().items();
    expect(await lastValueFrom(items)).toBe(3);
    expect(await firstValueFrom(items)).toBe(1);
    expect(recorder.names).toEqual(['Feed.items', 'Feed.items']);
  });

  it('keeps concurrent calls on one instance apart', async () => {
    const { recorder } = startTracer();
    class Worker {
      @Trace({ attributes: (id: number) => ({ id }) })
      async run(id: number): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, 5 - (id % 5)));
        await this.step(id);
      }
      @Trace({ attributes: (id: number) => ({ id }) })
      async step(id: number): Promise<number> {
        return id;
      }
    }
    const worker = new Worker();
    await Promise.all(Array.from({ length: 20 }, (_, id) => worker.run(id)));
    for (const step of recorder.spans.filter((span) => span.name === 'Worker.step')) {
      const parent = recorder.spans.find((span) => spanId(span) === parentId(step));
      expect(parent?.attributes['id']).toBe(step.attributes['id']);
    }
  });

  it('gives an overriding method and the one it calls by super a span each', () => {
    const { recorder } = startTracer();
    class Base {
      @Trace()
      run(): string {
        return 'base';
      }
    }
    class Derived extends Base {
      @Trace()
      override run(): string {
        return `derived ${super.run()}`;
      }
    }
    expect(new Derived().run()).toBe('derived base');
    expect(recorder.names).toEqual(['Base.run', 'Derived.run']);
    expect(parentId(recorder.span('Base.run'))).toBe(spanId(recorder.span('Derived.run')));
  });

  it('makes a span per level of a recursive method', () => {
    const { recorder } = startTracer();
    class Maths {
      @Trace()
      @foreign
      factorial(n: number): number {
        return n <= 1 ? 1 : n * this.factorial(n - 1);
      }
    }
    expect(new Maths().factorial(4)).toBe(24);
    expect(recorder.names).toHaveLength(4);
  });

  it('restores the context on every path', async () => {
    startTracer();
    class Paths {
      @Trace()
      fail(): void {
        throw new Error('x');
      }
      @Trace()
      async reject(): Promise<void> {
        throw new Error('y');
      }
    }
    const before = context.active();
    const paths = new Paths();
    expect(() => paths.fail()).toThrow('x');
    expect(context.active()).toBe(before);
    await expect(paths.reject()).rejects.toThrow('y');
    expect(context.active()).toBe(before);
  });
});

describe('a call that needs no span, below an unsampled parent', () => {
  const unsampled = api.setSpanContext(ROOT_CONTEXT, {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    traceFlags: 0,
  });
  const always = { shouldSample: () => ({ decision: 2 }), toString: () => 'always' };

  class Service {
    calls = 0;
    @Trace()
    plain(step: number): number {
      return (this.calls += step);
    }
    @Trace({ root: true })
    root(): number {
      return this.plain(1);
    }
    @Trace({ tracer: 'asking' })
    elsewhere(): void {}
    @Trace(() => ({ metadata: { of: 'the call' } }))
    asked(): void {}
  }

  it('is told by the context of the call before, and runs the method once each time', () => {
    const { recorder } = startTracer();
    const service = new Service();
    const results = context.with(unsampled, () => [1, 2, 3].map((step) => service.plain(step)));
    expect(results).toEqual([1, 3, 6]);
    expect(recorder.started).toEqual([]);
    service.plain(1);
    expect(recorder.names).toEqual(['Service.plain']);
  });

  it('leaves a root, and what another tracer or the call decides, its span', () => {
    const { recorder } = startTracer();
    const asking = startTracer({ name: 'asking', sampler: always });
    const service = new Service();
    context.with(unsampled, () => {
      for (let round = 0; round < 2; round++) {
        service.plain(1);
        service.root();
        service.elsewhere();
        service.asked();
      }
    });
    expect(recorder.names).toEqual(['Service.plain', 'Service.root', 'Service.plain', 'Service.root']);
    expect(asking.recorder.names).toEqual(['Service.elsewhere', 'Service.elsewhere']);
  });

  it('has a span as soon as the context belongs to another tracer, because the default one changed or left', async () => {
    const one = startTracer({ name: 'one' });
    const two = startTracer({ name: 'two', sampler: always });
    const service = new Service();
    const call = (): unknown =>
      context.with(unsampled, () => {
        service.plain(1);
        return service.plain(1);
      });
    call();
    expect([one.recorder.names, two.recorder.names]).toEqual([[], []]);
    tracerRegistry.setDefault('two');
    call();
    expect([one.recorder.names, two.recorder.names]).toEqual([[], ['Service.plain', 'Service.plain']]);
    tracerRegistry.setDefault('one');
    call();
    const owned = unsampled.setValue(OWNER_KEY, one.tracer);
    context.with(owned, () => service.plain(1));
    await one.tracer.shutdown();
    context.with(owned, () => service.plain(1));
    expect(two.recorder.names).toHaveLength(3);
    call();
    expect(two.recorder.names).toHaveLength(5);
    expect(service.calls).toBe(10);
  });
});

describe('stacked decorators', () => {
  it.each(['direct', 'foreign'])('share one span in any order (%s neighbours)', (how) => {
    const { recorder } = startTracer();
    const between = how === 'foreign' ? foreign : nothing;
    class Stack {
      @Trace({ name: 'first', eventType: 'chain' })
      @between
      @Enrich({ metadata: { tier: 'gold' }, outputs: (answer: string) => ({ length: answer.length }) })
      above(): string {
        return 'four';
      }
      @Enrich({ metadata: { tier: 'iron' }, outputs: (answer: string) => ({ length: answer.length }) })
      @between
      @Trace({ name: 'second' })
      below(): string {
        return 'three';
      }
      @Trace({ metadata: { a: 1 } })
      @between
      @Trace({ name: 'third', metadata: { b: 2 } })
      twice(): string {
        return 'x';
      }
    }
    const stack = new Stack();
    expect([stack.above(), stack.below(), stack.twice()]).toEqual(['four', 'three', 'x']);
    expect(recorder.names).toEqual(['first', 'second', 'third']);
    expect(recorder.span('first').attributes).toMatchObject({
      'honeyhive_metadata.tier': 'gold',
      'honeyhive_outputs.length': 4,
      honeyhive_event_type: 'chain',
    });
    expect(recorder.span('second').attributes).toMatchObject({
      'honeyhive_metadata.tier': 'iron',
      'honeyhive_outputs.length': 5,
    });
    expect(recorder.span('third').attributes).toMatchObject({
      'honeyhive_metadata.a': 1,
      'honeyhive_metadata.b': 2,
    });
  });

  it('lets @Enrich alone add to the active span', async () => {
    const { recorder } = startTracer();
    class Alone {
      @Enrich({ inputs: true, outputs: true, metadata: (n: number) => ({ n }) })
      async work(n: number): Promise<number> {
        return n * 2;
      }
    }
    await withSpan('outer', () => new Alone().work(4));
    expect(recorder.names).toEqual(['outer']);
    expect(recorder.span('outer').attributes).toMatchObject({
      'honeyhive_inputs.arg0': 4,
      'honeyhive_outputs.result': 8,
      'honeyhive_metadata.n': 4,
    });
  });
});

/** A decorator of someone else, in both protocols: it wraps the method in a function of its own. */
function foreign(target: any, key: any, descriptor?: any): any {
  const wrap = (fn: (...args: any[]) => unknown) =>
    function (this: unknown, ...args: unknown[]): unknown {
      return Reflect.apply(fn, this, args);
    };
  if (descriptor !== undefined) return { ...descriptor, value: wrap(descriptor.value) };
  return wrap(target);
}

function nothing(_target: any, _key: any, _descriptor?: any): any {
  return undefined;
}
