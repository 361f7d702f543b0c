import { describe, expect, it } from '@jest/globals';
import { sameMember } from '../../lib/decorators/decorator-protocol.js';
import { foreign, recorder } from './support.js';

describe('a member under the standard protocol', () => {
  it('of an anonymous class goes by its own name', () => {
    const { names, mark } = recorder();
    const make = () =>
      class {
        @mark() run() {}
      };
    new (make())().run();
    expect(names()).toEqual(['run']);
  });

  it('of a class expression has the name that the class got', () => {
    const { names, mark } = recorder();
    const Late = class {
      @mark() run() {}
      @mark() static make() {}
    };
    new Late().run();
    Late.make();
    expect(names()).toEqual(['Late.run', 'Late.make']);
  });

  it('may be private: a method, a getter, a field, an accessor, static or not', () => {
    const { names, mark, seen } = recorder();
    class Safe {
      code = 2;
      @mark() #open(by: number) {
        return this.code * by;
      }
      @mark() get #size() {
        return 3;
      }
      @mark() #turn = (by: number) => this.code + by;
      @mark() accessor #dial = () => 'dial';
      @mark() static #make() {
        return new Safe();
      }
      static all() {
        const safe = Safe.#make();
        return [safe.#open(2), safe.#size, safe.#turn(1), safe.#dial()];
      }
    }
    expect(Safe.all()).toEqual([4, 3, 3, 'dial']);
    expect(names()).toEqual(['Safe.#make', 'Safe.#open', 'Safe.#size', 'Safe.#turn', 'Safe.#dial']);
    expect(seen.every(({ member }) => member.private)).toBe(true);
  });

  it('called without a receiver goes by what is known of it', () => {
    const { names, mark } = recorder();
    class Shop {
      @mark() price() {}
      @mark() static open() {}
      @mark() pay = () => 1;
    }
    const { price } = Shop.prototype;
    const { open } = Shop;
    price.call(undefined as never);
    open();
    (0, new Shop().pay)();
    new Shop().price();
    price.call(undefined as never);
    expect(names()).toEqual(['price', 'Shop.open', 'Shop.pay', 'Shop.price', 'Shop.price']);
  });

  it('has its name although a foreign decorator stands outside, in a base class too', () => {
    const { names, mark } = recorder();
    class Base {
      @foreign @mark() run() {}
    }
    class Sub extends Base {}
    new Sub().run();
    expect(names()).toEqual(['Base.run']);
  });

  it('is refused when it is a setter, at the definition', () => {
    const any = recorder().mark() as any;
    expect(() => {
      class Shop {
        @any set price(_value: number) {}
      }
      return Shop;
    }).toThrow(/\[SPW_TARGET\] @Trace cannot stand on the setter member price .*decorate the method/);
  });

  it('stays decorated when an accessor is set, and lets an accessor hold nothing', () => {
    const { names, mark } = recorder();
    class Shop {
      @mark() accessor pay: (() => number) | undefined = () => 1;
    }
    const shop = new Shop();
    expect(shop.pay?.()).toBe(1);
    shop.pay = () => 2;
    expect(shop.pay()).toBe(2);
    shop.pay = undefined;
    expect(shop.pay).toBeUndefined();
    expect(names()).toEqual(['Shop.pay', 'Shop.pay']);
    class Other {
      @(mark() as any) accessor pay = 5;
    }
    expect(() => new Other()).toThrow(/\[SPW_FIELD\].*Other\.pay/);
  });

  it('in a field knows its own kind around a foreign decorator', () => {
    const { seen, mark } = recorder();
    class Shop {
      @mark('a') @foreign @mark('b') pay = () => 1;
    }
    const shop = new Shop();
    expect(shop.pay()).toBe(1);
    expect(seen).toHaveLength(2);
    expect(sameMember(seen[0]!.member, seen[1]!.member, shop)).toBe(true);
  });

  it('of a class and of its base class are two, although both are private and of one name', () => {
    const { seen, mark } = recorder();
    class Base {
      @mark() #run() {}
      base() {
        this.#run();
      }
    }
    class Sub extends Base {
      @mark() #run() {
        this.base();
      }
      sub() {
        this.#run();
      }
    }
    const sub = new Sub();
    sub.sub();
    expect(seen).toHaveLength(2);
    expect(sameMember(seen[0]!.member, seen[1]!.member, sub)).toBe(false);
  });
});
