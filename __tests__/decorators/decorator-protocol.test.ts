import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  isBareUse,
  sameMember,
  wrapFunction,
  functionMember,
} from '../../lib/decorators/decorator-protocol.js';
import { SpanwiseError } from '../../lib/diagnostics.js';
import { foreign, listen, recorder, silence } from './support.js';

afterEach(silence);

const error = (code: string, ...parts: string[]) =>
  expect.objectContaining({
    name: 'SpanwiseError',
    code,
    message: expect.stringMatching(
      new RegExp(parts.map((part) => part.replace(/[()@.=]/g, '\\$&')).join('.*')),
    ),
  });

describe('a decorated member', () => {
  it('is run with its receiver and arguments, and returns what the function returned', () => {
    const { seen, mark } = recorder();
    class Shop {
      tax = 2;
      @mark() price(net: number, more = 0) {
        return net * this.tax + more;
      }
    }
    const shop = new Shop();
    expect(shop.price(3, 1)).toBe(7);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ name: 'Shop.price', args: [3, 1], labels: ['trace'] });
    expect(seen[0]?.self).toBe(shop);
    expect(seen[0]?.member).toMatchObject({ key: 'price', kind: 'method', static: false, private: false });
  });

  it('may be static, a getter or a symbol', () => {
    const { names, mark, seen } = recorder();
    const key = Symbol('key');
    class Shop {
      @mark() static open() {
        return this;
      }
      @mark() get total() {
        return 5;
      }
      @mark() static get count() {
        return 6;
      }
      @mark() [key]() {
        return 7;
      }
    }
    expect(Shop.open()).toBe(Shop);
    expect([new Shop().total, Shop.count, new Shop()[key]()]).toEqual([5, 6, 7]);
    expect(names()).toEqual(['Shop.open', 'Shop.total', 'Shop.count', 'Shop.[key]']);
    expect(seen.map(({ member }) => [member.kind, member.static])).toEqual([
      ['method', true],
      ['getter', false],
      ['getter', true],
      ['method', false],
    ]);
  });

  it('may be a field that holds a function, on instances and on the class', () => {
    const { names, mark, seen } = recorder();
    class Shop {
      rate = 2;
      @mark() price = (net: number) => net * this.rate;
      @mark() static open = (door: string) => door;
    }
    const [one, two] = [new Shop(), new Shop()];
    two.rate = 3;
    expect([one.price(2), two.price(2), Shop.open('left')]).toEqual([4, 6, 'left']);
    const { price } = one;
    expect(price(5)).toBe(10);
    expect(names()).toEqual(['Shop.price', 'Shop.price', 'Shop.open', 'Shop.price']);
    expect(seen.map(({ member }) => [member.kind, member.static])).toEqual([
      ['field', false],
      ['field', false],
      ['field', true],
      ['field', false],
    ]);
    expect(Object.keys(one)).toEqual(['rate', 'price']);
    expect(one.price.length).toBe(1);
    expect(one.price.name).toBe('price');
  });

  it('keeps its setter beside a decorated getter', () => {
    const { names, mark } = recorder();
    class Shop {
      #price = 1;
      @mark() get price() {
        return this.#price;
      }
      set price(value) {
        this.#price = value;
      }
    }
    const shop = new Shop();
    shop.price = 4;
    expect(shop.price).toBe(4);
    expect(names()).toEqual(['Shop.price']);
  });

  it('is named after the class that declares it, for subclasses and for super calls', () => {
    const { names, mark } = recorder();
    class Base {
      @mark() run(): string {
        return 'base';
      }
      @mark() static make() {
        return 1;
      }
    }
    class Sub extends Base {
      @mark() override run(): string {
        return `sub ${super.run()}`;
      }
    }
    class Leaf extends Sub {}
    expect(new Leaf().run()).toBe('sub base');
    Leaf.make();
    expect(names()).toEqual(['Sub.run', 'Base.run', 'Base.make']);
  });

  it('runs its function once, and lets what it throws pass as it is', () => {
    const { mark } = recorder();
    const thrown = { odd: true };
    let runs = 0;
    class Shop {
      @mark() fail() {
        runs++;
        throw thrown;
      }
    }
    let caught: unknown;
    try {
      new Shop().fail();
    } catch (e) {
      caught = e;
    }
    expect(caught).toBe(thrown);
    expect(runs).toBe(1);
  });
});

describe('a wrapper', () => {
  it('carries name, length, metadata and own properties of the function', () => {
    const { mark } = recorder();
    const put = (...args: any[]): any => {
      const fn = args[2]?.value ?? args[0];
      Reflect.defineMetadata('path', '/x', fn);
      fn.tag = 'inner';
    };
    class Shop {
      @mark() @put price(_a: number, _b: number) {}
    }
    const wrapper = Shop.prototype.price as unknown as Record<string, unknown> & {
      length: number;
      name: string;
    };
    expect([wrapper.name, wrapper.length, wrapper['tag']]).toEqual(['price', 2, 'inner']);
    expect(Reflect.getMetadata('path', wrapper)).toBe('/x');
    expect('prototype' in wrapper).toBe(false);
    expect(() => Reflect.construct(wrapper as never, [])).toThrow(TypeError);
  });

  it('keeps what is put on it between two decorators of ours', () => {
    const { mark, seen } = recorder();
    const routes = new Set<unknown>();
    const put = (...args: any[]): any => {
      const fn = args[2]?.value ?? args[0];
      Reflect.defineMetadata('path', '/x', fn);
      routes.add(fn);
    };
    class Shop {
      @mark('outer') @put @mark('inner') price() {}
    }
    const wrapper = Shop.prototype.price;
    expect(Reflect.getMetadata('path', wrapper)).toBe('/x');
    expect(routes.has(wrapper)).toBe(true);
    new Shop().price();
    expect(seen.map(({ labels }) => labels)).toEqual([['outer', 'inner']]);
  });

  it('has the prototypes of async and generator functions', async () => {
    const { mark } = recorder();
    class Shop {
      @mark() *each() {
        yield 1;
      }
      @mark() async *flow() {
        yield 1;
      }
      @mark() async wait() {}
      *bare() {}
      async *bareFlow() {}
      async bareWait() {}
    }
    const { each, flow, wait, bare, bareFlow, bareWait } = Shop.prototype;
    expect(Object.getPrototypeOf(each)).toBe(Object.getPrototypeOf(bare));
    expect(Object.getPrototypeOf(flow)).toBe(Object.getPrototypeOf(bareFlow));
    expect(Object.getPrototypeOf(wait)).toBe(Object.getPrototypeOf(bareWait));
    const generator = new Shop().each();
    expect(generator instanceof (each as unknown as new () => object)).toBe(true);
    expect([...generator]).toEqual([1]);
  });

  it('of a plain function can be made by hand and merges with a decorated field', () => {
    const { run, mark, seen } = recorder();
    const plain = Object.assign((a: number) => a + 1, { tag: 1 });
    const wrapped = wrapFunction(plain, functionMember('plain'), { kind: 'trace', options: 'fn' }, run);
    expect([wrapped.name, wrapped.length, wrapped.tag]).toEqual(['plain', 1, 1]);
    expect(wrapped.call({ constructor: Date }, 1)).toBe(2);
    class Shop {
      @mark('field') add = wrapped;
    }
    new Shop().add(1);
    new Shop().add(1);
    wrapped(1);
    expect(seen.map(({ name, labels }) => [name, ...labels])).toEqual([
      ['plain', 'fn'],
      ['Shop.add', 'field', 'fn'],
      ['Shop.add', 'field', 'fn'],
      ['plain', 'fn'],
    ]);
    // What is computed from the layers can be kept by them.
    expect(seen[1]?.layers).toBe(seen[2]?.layers);
  });
});

describe('stacked decorators', () => {
  it('are one wrapper with the layers outermost first, on methods, getters and fields', () => {
    const { seen, mark } = recorder();
    class Shop {
      @mark('a') @mark('b', 'enrich') @mark('c', 'entry') price() {}
      @mark('a') @mark('b') get total() {
        return 1;
      }
      @mark('a') @mark('b') pay = () => 1;
      @mark('a') @mark('b') static open = () => 1;
    }
    new Shop().price();
    expect(new Shop().total).toBe(1);
    new Shop().pay();
    Shop.open();
    expect(seen.map(({ labels }) => labels.join())).toEqual(['a,b,c', 'a,b', 'a,b', 'a,b']);
  });

  it('of one use do not count twice', () => {
    const { seen, mark } = recorder();
    const one = mark('one');
    class Shop {
      @one @one price() {}
      @one other() {}
    }
    new Shop().price();
    new Shop().other();
    expect(seen.map(({ name, labels }) => [name, ...labels])).toEqual([
      ['Shop.price', 'one'],
      ['Shop.other', 'one'],
    ]);
  });

  it('know each other with a foreign decorator in between', () => {
    const { seen, mark } = recorder();
    class Shop {
      @mark('outer') @foreign @mark('inner') price() {}
      @mark('outer') @foreign @mark('inner') get total() {
        return 1;
      }
      @mark('outer') @foreign @mark('inner') static open() {}
    }
    const shop = new Shop();
    const pairs = [() => shop.price(), () => shop.total, () => Shop.open()].map((call) => {
      seen.length = 0;
      call();
      return seen.slice();
    });
    for (const [outer, inner] of pairs) {
      expect([outer?.labels, inner?.labels]).toEqual([['outer'], ['inner']]);
      expect(outer?.member).not.toBe(inner?.member);
      expect(sameMember(outer!.member, inner!.member, outer?.self)).toBe(true);
      expect(outer?.name).toBe(inner?.name);
    }
  });

  it('are not taken for those of an overridden method of the same name', () => {
    const { seen, mark } = recorder();
    class Base {
      @mark() run() {}
    }
    class Sub extends Base {
      @mark() override run() {
        super.run();
      }
    }
    const sub = new Sub();
    sub.run();
    expect(sameMember(seen[0]!.member, seen[1]!.member, sub)).toBe(false);
  });
});

describe('a decorated class', () => {
  it('has its methods and static methods decorated, in place', () => {
    const { names, mark } = recorder();
    const seenClass: unknown[] = [];
    const see = (target: unknown): any => void seenClass.push(target);
    @mark()
    @see
    class Shop {
      price() {
        return 1;
      }
      static open() {
        return this;
      }
      get total(): number {
        throw new Error('a getter ran');
      }
      toString() {
        return 'shop';
      }
      toJSON() {
        return {};
      }
      valueOf() {
        return 1;
      }
      then() {}
      [Symbol.iterator]() {}
      static Inner = class {};
      static later = () => 1;
    }
    const shop = new Shop();
    expect(shop.price()).toBe(1);
    expect(Shop.open()).toBe(Shop);
    shop.toString();
    shop.toJSON();
    shop.valueOf();
    shop.then();
    shop[Symbol.iterator]();
    Shop.later();
    new Shop.Inner();
    expect(names()).toEqual(['Shop.price', 'Shop.open']);
    expect(Object.keys(Shop.prototype)).toEqual([]);
    expect(seenClass[0]).toBe(Shop);
  });

  it('adds to a member that has its own decorator, or leaves it alone', () => {
    const { seen, mark } = recorder();
    @mark('class enrich', 'enrich')
    @mark('class trace')
    class Shop {
      @mark('own') price() {}
      @mark('own enrich', 'enrich') pay() {}
    }
    const before = Shop.prototype.price;
    new Shop().price();
    new Shop().pay();
    expect(seen.map(({ labels }) => labels)).toEqual([
      ['own', 'class enrich'],
      ['own enrich', 'class enrich', 'class trace'],
    ]);
    expect(Shop.prototype.price).toBe(before);
  });

  it('covers inherited methods that carry metadata, and no other inherited ones', () => {
    const { names, mark } = recorder();
    class Base {
      route() {
        return 'route';
      }
      helper() {}
    }
    Reflect.defineMetadata('path', '/r', Base.prototype.route);
    @mark()
    class Shop extends Base {
      own() {}
    }
    const shop = new Shop();
    expect(shop.route()).toBe('route');
    shop.helper();
    shop.own();
    new Base().route();
    expect(names()).toEqual(['Shop.route', 'Shop.own']);
    expect(Reflect.getMetadata('path', Shop.prototype.route)).toBe('/r');
  });

  it('does not reach into a class that it borrows a method from', () => {
    const { seen, mark } = recorder();
    class Lender {
      @mark('own', 'enrich') static run() {}
    }
    class Shop {
      static run: () => void;
    }
    Object.defineProperty(Shop, 'run', Object.getOwnPropertyDescriptor(Lender, 'run')!);
    (mark('class') as any)(Shop);
    Lender.run();
    Shop.run();
    expect(seen.map(({ name, labels }) => [name, ...labels])).toEqual([
      ['Lender.run', 'own'],
      ['Shop.run', 'class', 'own'],
    ]);
  });

  it('that leaves nothing to trace, or lets nothing be traced, is reported', () => {
    const said = listen();
    const { mark } = recorder();
    @mark()
    class Empty {
      get total() {
        return 1;
      }
    }
    class Frozen {
      run() {
        return 1;
      }
    }
    Object.freeze(Frozen.prototype);
    (mark() as any)(Frozen);
    expect([new Frozen().run(), new Empty().total]).toEqual([1, 1]);
    expect(said).toEqual([
      expect.stringMatching(/\[SPW_TARGET\] class Empty has no methods/),
      expect.stringMatching(/\[SPW_TARGET\] class Frozen does not let run be traced/),
    ]);
  });

  it('may have a private constructor or be abstract', () => {
    const { names, mark } = recorder();
    @mark()
    class Single {
      private constructor() {}
      static get() {
        return new Single();
      }
      run() {}
    }
    @mark()
    abstract class Part {
      run() {}
    }
    Single.get().run();
    new (class extends Part {})().run();
    expect(names()).toEqual(['Single.get', 'Single.run', 'Part.run']);
  });
});

describe('a wrong target', () => {
  const { mark } = recorder();
  const apply = mark() as (...args: any[]) => any;

  it.each([
    ['a plain object', [{}], ['object', 'decorate a class']],
    ['an enum', [{ A: 1, 1: 'A' }], ['object', 'decorate a class']],
    ['nothing', [undefined], ['undefined', 'decorate a class']],
    ['null', [null], ['null', 'decorate a class']],
    ['a number', [5], ['number', 'decorate a class']],
    ['a plain function', [function lonely() {}], ['lonely', 'trace(fn, options)']],
    ['a key on no object', [5, 'key'], ['number', 'key']],
    [
      'an unknown standard kind',
      [undefined, { kind: 'parameter', name: 'p' }],
      ['parameter', 'p', 'decorate a method'],
    ],
    [
      'a standard setter',
      [() => 1, { kind: 'setter', name: 's' }],
      ['setter', 's', 'a setter returns nothing'],
    ],
    ['a standard method that is none', [5, { kind: 'method', name: 'm' }], ['method', 'm']],
  ])('is refused at definition: %s', (_what, args, parts) => {
    expect(() => apply(...args)).toThrow(SpanwiseError);
    expect(() => apply(...args)).toThrow(error('SPW_TARGET', '@Trace', ...parts));
  });

  it('is refused when a field first holds something that is no function, with class and member', () => {
    const decorator = mark('x', 'enrich') as any;
    class Shop {
      @decorator price = 5;
    }
    expect(() => new Shop()).toThrow(
      error('SPW_FIELD', '@Enrich', 'Shop.price', 'number', 'remove the decorator'),
    );
    const inner = mark() as any;
    class Other {
      @inner Inner = class {};
    }
    expect(() => new Other()).toThrow(error('SPW_TARGET', 'Other.Inner', 'decorate that class itself'));
  });

  it('is reported, not refused, when a field holds nothing yet', () => {
    const said = listen();
    const { mark } = recorder();
    class Shop {
      @mark() pay: (() => number) | undefined = undefined;
    }
    const shop = new Shop();
    expect(shop.pay).toBeUndefined();
    expect(Object.keys(shop)).toEqual(['pay']);
    shop.pay = () => 2;
    expect(shop.pay()).toBe(2);
    expect(said).toEqual([
      expect.stringMatching(/\[SPW_FIELD\] Shop\.pay holds no function yet.*trace\(fn\)/),
    ]);
  });

  it('is refused on a static field that is no function', () => {
    const decorator = mark() as any;
    expect(() => {
      class Shop {
        @decorator static price = 5;
      }
      return Shop;
    }).toThrow(error('SPW_FIELD', 'Shop.price', 'number'));
  });
});

describe('bare use', () => {
  it('is told from a call with options', () => {
    class Shop {}
    const bare = [
      [() => 1, { kind: 'method', name: 'm' }],
      [undefined, { kind: 'field', name: 'f' }],
      [Shop, { kind: 'class', name: 'Shop' }],
      [Shop.prototype, 'm', {}],
      [Shop.prototype, Symbol('m')],
      [Shop],
      [Shop, undefined, 0],
    ];
    const called = [[], [undefined], ['name'], [{ name: 'x' }], [() => ({})], [{ kind: 'SERVER' }]];
    expect(bare.filter((args) => !isBareUse(args))).toEqual([]);
    expect(called.filter((args) => isBareUse(args))).toEqual([]);
  });
});
