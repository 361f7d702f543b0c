import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import vm from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { withDistributedTraceContext, withSpan } from '../../lib/index.js';
import { shutdownAll, startTracer } from '../support/harness.js';

// k6 is no npm package. What its scripts may use is few things, and those are given here: nothing of Node is there.

const SCRIPT = 'examples/concurrency-lab/load/k6.js';

interface Reply {
  status: number;
  body: string;
}
interface Sent {
  url: string;
  body: string;
  headers: Record<string, string>;
}
interface K6 {
  options: {
    scenarios: Record<string, { executor: string; rate: number; timeUnit: string; duration: string }>;
    thresholds: Record<string, string[]>;
  };
  /** One iteration; gives what was sent and what `check` said of the reply. */
  iterate(number: number, answer: (sent: Sent) => Reply): { sent: Sent; checks: Record<string, boolean> };
}

async function loadScript(environment: Record<string, string>): Promise<K6> {
  const context = vm.createContext({ __ENV: environment });
  const sent: Sent[] = [];
  const checks: Record<string, boolean> = {};
  const execution = { scenario: { iterationInTest: 0 } };
  let answer: (sent: Sent) => Reply;
  const modules: Record<string, Record<string, unknown>> = {
    k6: {
      check(reply: Reply, conditions: Record<string, (reply: Reply) => boolean>) {
        for (const [name, holds] of Object.entries(conditions)) checks[name] = holds(reply);
        return Object.values(checks).every(Boolean);
      },
    },
    'k6/http': {
      default: {
        post(url: string, body: string, { headers }: { headers: Record<string, string> }) {
          sent.push({ url, body, headers });
          return answer(sent.at(-1)!);
        },
      },
    },
    'k6/execution': { default: execution },
  };
  const script = new vm.SourceTextModule(readFileSync(SCRIPT, 'utf8'), { context, identifier: SCRIPT });
  await script.link((specifier) => {
    const given = modules[specifier];
    if (given === undefined) throw new Error(`k6 has no module ${specifier}`);
    return new vm.SyntheticModule(
      Object.keys(given),
      function () {
        for (const [name, value] of Object.entries(given)) this.setExport(name, value);
      },
      { context },
    );
  });
  await script.evaluate();
  const exported = script.namespace as { options: K6['options']; default: () => void };
  return {
    options: exported.options,
    iterate(number, given) {
      execution.scenario.iterationInTest = number;
      answer = given;
      exported.default();
      return { sent: sent.at(-1)!, checks: { ...checks } };
    },
  };
}

afterEach(shutdownAll);

describe('the k6 script', () => {
  const url = 'http://127.0.0.1:5003';

  it('asks for a steady rate, and fails if requests do', async () => {
    const { options } = await loadScript({ RATE: '250', DURATION: '5s' });
    expect(options.scenarios['steady']).toMatchObject({
      executor: 'constant-arrival-rate',
      rate: 250,
      timeUnit: '1s',
      duration: '5s',
    });
    expect(options.thresholds).toEqual({ http_req_failed: ['rate<0.01'], checks: ['rate>0.99'] });
    expect((await loadScript({})).options.scenarios['steady']!.rate).toBe(100);
  });

  it('takes a reply for right only if it answers its own request', async () => {
    const k6 = await loadScript({ URL: url });
    const own = ({ body }: Sent): Reply => ({ status: 200, body: `a page about ${JSON.parse(body).query}` });
    const right = k6.iterate(0, own);
    expect(right.sent.url).toBe(`${url}/agent/invoke`);
    expect(Object.values(right.checks)).toEqual([true, true]);
    const others = k6.iterate(1, () => own(right.sent));
    expect(Object.values(others.checks)).toEqual([true, false]);
    const failed = k6.iterate(2, (sent) => ({ ...own(sent), status: 500 }));
    expect(Object.values(failed.checks)).toEqual([false, true]);
  });

  it('gives each request a session that an entry takes over', async () => {
    const { recorder } = startTracer({ baggageAttributes: ['session_identifier', 'user_id'] });
    const server = createServer((request, response) => {
      void withDistributedTraceContext(request.headers, () =>
        withSpan('invoke', async () => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          withSpan('inside', () => undefined);
          response.end();
        }),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = (server.address() as AddressInfo).port;
    try {
      const k6 = await loadScript({ URL: `http://127.0.0.1:${port}` });
      const requests = Array.from({ length: 20 }, (_, number) => {
        return k6.iterate(number, () => ({ status: 200, body: '' })).sent;
      });
      await Promise.all(
        requests.map(({ url, headers, body }) => fetch(url, { method: 'POST', headers, body })),
      );
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    const seen = recorder.spans.map(({ attributes }) => ({
      session: attributes['honeyhive.session_id'],
      identifier: attributes['baggage.session_identifier'],
      user: attributes['baggage.user_id'],
    }));
    const wanted = Array.from({ length: 20 }, (_, number) => `K6_${number + 1}`).flatMap((identifier) => {
      const span = { session: `session-${identifier}`, identifier, user: `user-${identifier}` };
      return [span, span];
    });
    const byIdentifier = (a: { identifier?: unknown }, b: { identifier?: unknown }): number =>
      String(a.identifier).localeCompare(String(b.identifier));
    expect(seen.sort(byIdentifier)).toEqual(wanted.sort(byIdentifier));
  });
});
