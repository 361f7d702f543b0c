import 'reflect-metadata';
import {
  applyDecorators,
  Controller,
  Get,
  HttpCode,
  Injectable,
  Module,
  Param,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { foreign, recorder } from './support.js';

const { seen, mark, names } = recorder();
beforeEach(() => void (seen.length = 0));

@Injectable()
class Prices {
  of(item: string) {
    return `${item}: 5`;
  }
}

@Injectable()
class Closed {
  canActivate() {
    return false;
  }
}

class BaseController {
  @Get('inherited')
  inherited() {
    return 'inherited';
  }
  helper() {}
}

@mark('class')
@Controller('shop')
class ShopController extends BaseController {
  constructor(readonly prices: Prices) {
    super();
  }

  @mark('above')
  @Get('above/:item')
  @HttpCode(202)
  above(@Param('item') item: string) {
    return this.prices.of(item);
  }

  @Get('below/:item')
  @HttpCode(202)
  @mark('below')
  below(@Param('item') item: string) {
    return this.prices.of(item);
  }

  @mark('outer')
  @Get('between/:item')
  @foreign
  @mark('inner')
  between(@Param('item') item: string) {
    return this.prices.of(item);
  }

  @UseGuards(Closed)
  @mark('guarded')
  @Get('guard-above')
  guardAbove() {
    return 'open';
  }

  @mark('guarded')
  @UseGuards(Closed)
  @Get('guard-below')
  guardBelow() {
    return 'open';
  }

  @applyDecorators(mark('composed'), Get('composed'))
  composed() {
    return 'composed';
  }

  @Get('plain')
  plain() {
    this.helper();
    return 'plain';
  }
}

describe('Nest routes', () => {
  let url: string;
  let app: { close(): Promise<void> };
  beforeAll(async () => {
    @Module({ controllers: [ShopController], providers: [Prices, Closed] })
    class AppModule {}
    const nest = await NestFactory.create(AppModule, { logger: false });
    await nest.listen(0, '127.0.0.1');
    url = `${await nest.getUrl()}/shop`;
    app = nest;
  });
  afterAll(() => app.close());

  it.each([
    ['above/tea', 202, 'tea: 5', [['above']]],
    ['below/tea', 202, 'tea: 5', [['below']]],
    ['between/tea', 200, 'tea: 5', [['outer'], ['inner']]],
    ['composed', 200, 'composed', [['composed']]],
    ['plain', 200, 'plain', [['class']]],
    ['inherited', 200, 'inherited', [['class']]],
  ])('%s answers %i through its decorators', async (path, status, text, labels) => {
    const response = await fetch(`${url}/${path}`);
    expect([response.status, await response.text()]).toEqual([status, text]);
    expect(seen.map((call) => call.labels)).toEqual(labels);
    expect(new Set(names())).toEqual(new Set([`ShopController.${path.split('/')[0]}`]));
  });

  it.each(['guard-above', 'guard-below'])('%s stays guarded', async (path) => {
    expect((await fetch(`${url}/${path}`)).status).toBe(403);
    expect(seen).toEqual([]);
  });

  it('leave the class and its injected parameters as they were', () => {
    expect(Reflect.getMetadata('design:paramtypes', ShopController)).toEqual([Prices]);
    expect(Reflect.getMetadata('design:paramtypes', ShopController.prototype, 'above')).toEqual([String]);
    expect(ShopController.name).toBe('ShopController');
  });
});

describe('a member under the legacy protocol', () => {
  it('may be a field in a composed decorator, whose result nobody looks at', () => {
    const composed = applyDecorators(mark('outer'), mark('inner'));
    class Shop {
      @composed pay = (sum: number) => sum;
    }
    expect(new Shop().pay(2)).toBe(2);
    expect(seen.map(({ name, labels }) => [name, ...labels])).toEqual([['Shop.pay', 'inner', 'outer']]);
  });

  it('may be a static field in a decorator that returns nothing', () => {
    const composed = (target: object, key: string) => void (mark() as PropertyDecorator)(target, key);
    class Shop {
      @composed static open = () => 1;
    }
    expect(Shop.open()).toBe(1);
    expect(names()).toEqual(['Shop.open']);
  });

  it('may be a field that is assigned later, by a constructor or by nobody', () => {
    class Shop {
      @mark() pay?: (sum: number) => number;
      constructor(pay?: (sum: number) => number) {
        if (pay !== undefined) this.pay = pay;
      }
    }
    expect(new Shop().pay).toBeUndefined();
    expect(Object.keys(new Shop())).toEqual([]);
    expect(new Shop((sum) => sum).pay?.(3)).toBe(3);
    expect(names()).toEqual(['Shop.pay']);
  });

  it('may be a field of a base class; overridden without a decorator it is not traced, like a method', () => {
    class Base {
      @mark() pay = () => 1;
    }
    class Sub extends Base {}
    class Other extends Base {
      override pay = () => 2;
    }
    expect([new Sub().pay(), new Other().pay()]).toEqual([1, 2]);
    expect(names()).toEqual(['Base.pay']);
  });

  it('is refused when it is a setter, a parameter or a class in a field', () => {
    const any = mark() as any;
    const define = (make: () => unknown) => () => void make();
    expect(
      define(
        () =>
          class {
            static x = (() => {
              class Shop {
                @any set price(_value: number) {}
              }
              return Shop;
            })();
          },
      ),
    ).toThrow(/\[SPW_TARGET\] @Trace cannot stand on the setter Shop\.price: .*decorate the method/);
    expect(() => {
      class Shop {
        price(@any _net: number) {}
      }
      return Shop;
    }).toThrow(/\[SPW_TARGET\] @Trace cannot stand on parameter 0 of Shop\.price: decorate the method/);
    expect(() => {
      class Shop {
        constructor(@any _net: number) {}
      }
      return Shop;
    }).toThrow(/parameter 0 of Shop\.constructor/);
    expect(() => {
      class Shop {
        @any static Inner = class {};
      }
      return Shop;
    }).toThrow(/\[SPW_TARGET\] @Trace cannot stand on the member Shop\.Inner: .*decorate that class itself/);
  });

  it('may be bare on a class in JavaScript', () => {
    class Shop {
      price() {}
    }
    (mark() as (target: unknown) => void)(Shop);
    new Shop().price();
    expect(names()).toEqual(['Shop.price']);
  });
});
