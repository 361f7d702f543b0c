import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { functionMember, sameMember, wrapFunction } from '../../lib/decorators/decorator-protocol.js';
import { LEGACY, LEGACY_DEFINING, load, STANDARD } from './compilers.js';
import { foreign, listen, recorder, silence } from './support.js';

const BOTH = `
  class Base {
    @mark() run() { return 'base'; }
  }
  class Shop extends Base {
    rate = 2;
    @mark('outer') @foreign @mark('inner') price(net: number) { return net * this.rate; }
    @mark('a') @mark('b') both() {}
    @mark() static open(door: string) { return [this, door]; }
    @mark('outer') @foreign @mark('inner') static shut(door: string) { return door; }
    @mark() get total() { return 5 * this.rate; }
    @mark() run() { return 'sub ' + super.run(); }
    @mark('o') @mark('i', 'enrich') pay = (sum: number) => sum * this.rate;
    @mark() static close = (door: string) => door;
    @mark() *each(n: number) { yield n; }
  }
  @mark('class') class Whole {
    own = 1;
    a() { return this.own; }
    @mark('self') b() { return 2; }
    static make() { return new Whole(); }
  }
  Object.assign(out, { Base, Shop, Whole });
`;

const STANDARD_ONLY = `
  class Safe {
    rate = 2;
    @mark('a') @mark('b') #open(code: number) { return code * this.rate; }
    @mark() static #make() { return this; }
    @mark() get #size() { return 3; }
    @mark('a') @mark('b') #turn = (by: number) => by * this.rate;
    @mark('a') @mark('b') accessor dial = (by: number) => by + this.rate;
    @mark() static accessor knob = () => 'knob';
    @mark('outer') @foreign @mark('inner') #both() { return 4; }
    all() { return [this.#open(1), this.#size, this.#turn(5), this.#both()]; }
    static make() { return Safe.#make(); }
  }
  Object.assign(out, { Safe });
`;

const cases = [
  ...Object.entries(STANDARD).map(([name, compile]) => ({ name: `${name}, standard`, compile })),
  ...Object.entries(LEGACY).map(([name, compile]) => ({ name: `${name}, legacy`, compile })),
];

describe.each(cases)('classes compiled by $name', ({ compile }) => {
  const { seen, mark, names } = recorder();
  const { Base, Shop, Whole } = load(compile, BOTH, { mark, foreign });
  beforeEach(() => void (seen.length = 0));

  it('have methods, static methods and getters decorated', () => {
    const shop = new Shop();
    expect(Shop.open('left')).toEqual([Shop, 'left']);
    expect(shop.total).toBe(10);
    expect([...shop.each(3)]).toEqual([3]);
    expect(names()).toEqual(['Shop.open', 'Shop.total', 'Shop.each']);
    expect(seen[1]?.self).toBe(shop);
  });

  it('have fields decorated, layers in the order of the source', () => {
    const [one, two] = [new Shop(), new Shop()];
    two.rate = 3;
    expect([one.pay(2), two.pay(2), Shop.close('x')]).toEqual([4, 6, 'x']);
    expect(seen.map(({ name, labels }) => [name, ...labels])).toEqual([
      ['Shop.pay', 'o', 'i'],
      ['Shop.pay', 'o', 'i'],
      ['Shop.close', 'trace'],
    ]);
    expect(seen[0]?.layers).toBe(seen[1]?.layers);
    expect([one.pay.name, one.pay.length]).toEqual(['pay', 1]);
  });

  it('tell overridden methods apart', () => {
    const shop = new Shop();
    expect(shop.run()).toBe('sub base');
    expect(new Base().run()).toBe('base');
    expect(names()).toEqual(['Shop.run', 'Base.run', 'Base.run']);
    expect(sameMember(seen[0]!.member, seen[1]!.member, shop)).toBe(false);
  });

  it('join stacked decorators, directly or around a foreign one', () => {
    const shop = new Shop();
    shop.both();
    expect(seen.map(({ labels }) => labels)).toEqual([['a', 'b']]);
    for (const call of [() => expect(shop.price(3)).toBe(6), () => Shop.shut('x')]) {
      seen.length = 0;
      call();
      const [outer, inner] = seen;
      expect([outer?.labels, inner?.labels]).toEqual([['outer'], ['inner']]);
      expect(sameMember(outer!.member, inner!.member, outer!.self)).toBe(true);
      expect(outer!.name).toBe(inner!.name);
    }
  });

  it('are decorated as a whole', () => {
    const whole = Whole.make();
    expect(whole).toBeInstanceOf(Whole);
    expect([whole.a(), whole.b()]).toEqual([1, 2]);
    expect(seen.map(({ name, labels }) => [name, ...labels])).toEqual([
      ['Whole.make', 'class'],
      ['Whole.a', 'class'],
      ['Whole.b', 'self'],
    ]);
  });
});

describe.each(Object.entries(LEGACY))('legacy fields assigned by %s', (_name, compile) => {
  const { seen, mark, names } = recorder();
  const source = `
    class Shop {
      @mark() later?: () => number;
      @mark() pay = () => 1;
      constructor(later?: () => number) { if (later) this.later = later; }
      @mark() price() {}
    }
    out.Shop = Shop;
  `;
  beforeEach(() => void (seen.length = 0));
  afterEach(silence);

  it('may get their first value later', () => {
    const { Shop } = load(compile, source, { mark });
    expect(new Shop().later).toBeUndefined();
    expect(new Shop(() => 3).later()).toBe(3);
    expect(names()).toEqual(['Shop.later']);
  });

  it('are not reported, whatever is assigned to them afterwards', () => {
    const said = listen();
    const { Shop } = load(compile, source, { mark });
    const shop = new Shop();
    shop.pay = () => 2;
    shop.price();
    expect(shop.pay()).toBe(2);
    expect(said).toEqual([]);
  });
});

describe.each(Object.entries(STANDARD))('private members and accessors compiled by %s', (name, compile) => {
  const { seen, mark, names } = recorder();
  const { Safe } = load(compile, STANDARD_ONLY, { mark, foreign });
  beforeEach(() => void (seen.length = 0));

  it('are decorated', () => {
    const safe = new Safe();
    expect(safe.all()).toEqual([2, 3, 10, 4]);
    expect(Safe.make()).toBe(Safe);
    expect(names()).toEqual([
      'Safe.#open',
      'Safe.#size',
      'Safe.#turn',
      'Safe.#both',
      'Safe.#both',
      'Safe.#make',
    ]);
    expect(seen[0]?.labels).toEqual(['a', 'b']);
    expect(seen[2]?.labels).toEqual(['a', 'b']);
    expect(sameMember(seen[3]!.member, seen[4]!.member, safe)).toBe(true);
  });

  it('stay decorated when an accessor is given another function', () => {
    const safe = new Safe();
    expect(safe.dial(1)).toBe(3);
    safe.dial = (by: number) => by * 10;
    expect(safe.dial(1)).toBe(10);
    safe.dial = undefined;
    expect(safe.dial).toBeUndefined();
    expect(Safe.knob()).toBe('knob');
    expect(seen.map(({ name, labels }) => [name, ...labels])).toEqual([
      ['Safe.dial', 'a', 'b'],
      ['Safe.dial', 'a', 'b'],
      ['Safe.knob', 'trace'],
    ]);
  });
});

describe.each(Object.entries(LEGACY_DEFINING))('legacy fields defined by %s', (_name, compile) => {
  afterEach(silence);

  it('are reported with the remedy when a traced call runs, and still work', () => {
    const said = listen();
    const { mark } = recorder();
    const source = `
      class Shop {
        @mark() pay = (sum: number) => sum;
        @mark() price() {}
      }
      class Other { @mark() run() {} }
      Object.assign(out, { Shop, Other });
    `;
    const { Shop } = load(compile, source, { mark });
    expect(said).toEqual([]);
    const shop = new Shop();
    expect(shop.pay(2)).toBe(2);
    shop.price();
    shop.price();
    expect(said).toEqual([expect.stringMatching(/\[SPW_FIELD\] Shop\.pay is not traced.*f = trace\(fn\)/)]);
  });

  it('are found by a sibling where the text of the class tells nothing', () => {
    const said = listen();
    const { mark, run } = recorder();
    const wrapped = wrapFunction(() => 1, functionMember('f'), { kind: 'trace', options: 'f' }, run);
    const source = `
      class Shop {
        @mark() [key] = (sum: number) => sum;
        @mark() [kept] = wrapped;
        @mark() price() {}
      }
      out.Shop = Shop;
    `;
    const { Shop } = load(compile, source, { mark, key: Symbol('key'), kept: Symbol('kept'), wrapped });
    // An object whose constructor has not run says nothing of its fields.
    Object.create(Shop.prototype).price();
    expect(said).toEqual([]);
    new Shop().price();
    expect(said).toEqual([expect.stringMatching(/\[SPW_FIELD\] Shop\.\[key\] is not traced/)]);
    const later = listen();
    new Shop().price();
    expect(later).toEqual([]);
  });

  it('are traced when they are static', () => {
    const { mark, names } = recorder();
    const { Shop } = load(compile, `class Shop { @mark() static pay = () => 1; } out.Shop = Shop;`, { mark });
    expect(Shop.pay()).toBe(1);
    expect(names()).toEqual(['Shop.pay']);
  });
});
