import 'reflect-metadata';
import { RouterExecutionContext } from '@nestjs/core/router/router-execution-context.js';
import { describe, expect, it } from '@jest/globals';
import { leaveOutOfRoutes } from '../../lib/integrations/nest-interceptors.js';

const ours = { intercept: () => undefined };
const theirs = { intercept: () => undefined };

/** The interceptors with which a route of a handler is made, if Nest finds these. */
async function interceptorsOf(found: unknown[], handler: () => void = () => undefined): Promise<unknown> {
  await leaveOutOfRoutes((interceptor) => interceptor === ours);
  class Creator {
    create(): unknown[] {
      return found;
    }
  }
  const creator = new Creator();
  let made: unknown;
  const none = { create: (): unknown[] => [] };
  const routes = new RouterExecutionContext(
    {} as never,
    none as never,
    {} as never,
    {
      // What is asked for next, with the interceptors known.
      create: () => [],
    } as never,
    {} as never,
    creator as never,
    {
      intercept: (interceptors: unknown) => {
        made = interceptors;
        return Promise.resolve(undefined);
      },
    } as never,
    { isHeadersSent: () => true } as never,
  );
  const metadata = {
    argsLength: 0,
    fnHandleResponse: () => undefined,
    isSseHandler: false,
    paramtypes: [],
    getParamsMetadata: () => [],
    httpStatusCode: 200,
    responseHeaders: [],
    hasCustomHeaders: false,
  };
  Object.assign(routes, {
    getMetadata: () => metadata,
    responseController: { setStatus: () => undefined },
    createGuardsFn: () => undefined,
    createPipesFn: () => undefined,
  });
  const route = routes.create({}, handler as never, 'handler', 'module', 0 as never) as unknown as (
    ...args: unknown[]
  ) => Promise<unknown>;
  await route({}, {}, () => undefined);
  expect(Object.hasOwn(creator, 'create')).toBe(false);
  return made;
}

describe('our interceptor', () => {
  it('is left out of routes that have no other', async () => {
    expect(await interceptorsOf([ours])).toEqual([]);
  });

  it('stays among others, which may hide from Nest what a handler threw', async () => {
    expect(await interceptorsOf([ours, theirs])).toEqual([ours, theirs]);
    expect(await interceptorsOf([theirs])).toEqual([theirs]);
  });

  it('stays where events are sent: their errors reach nobody else', async () => {
    const handler = (): void => undefined;
    Reflect.defineMetadata('__sse__', true, handler);
    expect(await interceptorsOf([ours], handler)).toEqual([ours]);
  });
});
