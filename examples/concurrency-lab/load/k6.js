/**
 * For k6: `k6 run -e URL=http://127.0.0.1:5003 -e RATE=100 examples/concurrency-lab/load/k6.js`
 *
 * Every request is a session of its own, by the baggage that it brings; `spanwise verify` tells whether they mixed.
 */
import http from 'k6/http';
import { check } from 'k6';
import exec from 'k6/execution';
import { randomBytes } from 'k6/crypto';

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

const hex = (bytes) =>
  Array.from(new Uint8Array(randomBytes(bytes)), (b) => b.toString(16).padStart(2, '0')).join('');

export default function () {
  const number = exec.scenario.iterationInTest + 1;
  const identifier = `K6_${number}`;
  const response = http.post(
    `${__ENV.URL || 'http://127.0.0.1:5003'}/agent/invoke`,
    JSON.stringify({ identifier, query: `tea-in-${identifier}`, delayMs: 5 }),
    {
      headers: {
        'content-type': 'application/json',
        traceparent: `00-${hex(16)}-${hex(8)}-01`,
        baggage: `session_id=${hex(16)},session_identifier=${identifier},user_id=user_${number}`,
      },
    },
  );
  check(response, {
    answered: (reply) => reply.status === 200,
    'with its own answer': (reply) => String(reply.body).includes(identifier),
  });
}
