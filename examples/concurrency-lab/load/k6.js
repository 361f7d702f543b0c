/**
 * For k6: `k6 run -e URL=http://127.0.0.1:5003 -e RATE=100 examples/concurrency-lab/load/k6.js`
 *
 * Every request is a session of its own, by the baggage that it brings; `spanwise verify` tells whether they mixed:
 * `npx spanwise verify --session session-K6_1,session-K6_2 --no-local --no-overlap --remote 0`. There is no
 * `traceparent`, because nobody traces k6: a parent that never arrives would be an orphan.
 */
import http from 'k6/http';
import { check } from 'k6';
import exec from 'k6/execution';

export const options = {
  scenarios: {
    steady: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 100),
      timeUnit: '1s',
      duration: __ENV.DURATION || '30s',
      preAllocatedVUs: 50,
      maxVUs: 500,
    },
  },
  thresholds: { http_req_failed: ['rate<0.01'], checks: ['rate>0.99'] },
};

export default function () {
  const identifier = `K6_${exec.scenario.iterationInTest + 1}`;
  const response = http.post(
    `${__ENV.URL || 'http://127.0.0.1:5003'}/agent/invoke`,
    JSON.stringify({ identifier, query: `tea-in-${identifier}`, delayMs: 5 }),
    {
      headers: {
        'content-type': 'application/json',
        baggage: `session_id=session-${identifier},session_identifier=${identifier},user_id=user-${identifier}`,
      },
    },
  );
  check(response, {
    answered: (reply) => reply.status === 200,
    'with its own answer': (reply) => String(reply.body).includes(identifier),
  });
}
