/** A user's test of their tracing; `TEST_RUNNER` is written in, and the file is compiled as they compile theirs. */
import { afterEach, expect, test } from 'TEST_RUNNER';
import { SessionTracer, Trace, withSession } from 'spanwise';
import { recordSpans, spanMatchers } from 'spanwise/testing';

expect.extend(spanMatchers);
const recorder = recordSpans();
SessionTracer.init({ testMode: true, spanProcessors: [recorder] });
afterEach(() => recorder.clear());

class Agent {
  @Trace({ eventType: 'chain' })
  async invoke(query: string): Promise<number> {
    return (await this.search(query)).length;
  }

  @Trace({ eventType: 'tool', inputs: true })
  async search(query: string): Promise<string[]> {
    return [query];
  }
}

test('a question is one trace in its session', async () => {
  await withSession('s-1', () => new Agent().invoke('tea'));
  expect(recorder).toHaveSpan({ name: 'Agent.invoke', eventType: 'chain', parent: null });
  expect(recorder.find('Agent.search')).toHaveParent('Agent.invoke');
  expect(recorder.find('Agent.search')).toHaveAttributes({ 'honeyhive_inputs.arg0': 'tea' });
  expect(recorder).toHaveSession('s-1');
  expect(recorder.tree()).toBe('Agent.invoke [chain] session=s-1\n└─ Agent.search [tool]');
});

test('what is missing is shown beside what is there', async () => {
  await new Agent().invoke('tea');
  expect(() => expect(recorder).toHaveSpan('Agent.nothing')).toThrow(/Agent\.search/);
  expect(recorder).not.toHaveSpan('Agent.nothing');
});

test.each([['one'], ['two'], ['three']])('a recorder starts empty: %s', async (query) => {
  expect(recorder.spans).toHaveLength(0);
  await new Agent().search(query);
  expect(recorder.spans).toHaveLength(1);
});
