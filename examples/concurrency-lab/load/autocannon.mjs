/**
 * A steady rate of requests against the agent server.
 *
 * node examples/concurrency-lab/load/autocannon.mjs [URL] [RATE] [SECONDS]
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';

/** Sends `rate` requests a second for some seconds; gives what came back. */
export async function rateScenario(url, { rate, seconds }) {
  let sent = 0;
  const result = await autocannon({
    url: `${url}/agent/invoke`,
    method: 'POST',
    connections: 20,
    overallRate: rate,
    duration: seconds,
    timeout: 30,
    headers: { 'content-type': 'application/json' },
    requests: [
      {
        setupRequest: (request) => ({
          ...request,
          body: JSON.stringify({ identifier: `load-${++sent}`, query: 'tea', delayMs: 2 }),
        }),
      },
    ],
  });
  return {
    requestsPerSecond: result.requests.average,
    medianMs: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.errors,
    non2xx: result.non2xx,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [url = 'http://127.0.0.1:5003', rate = '100', seconds = '10'] = process.argv.slice(2);
  const result = await rateScenario(url, { rate: Number(rate), seconds: Number(seconds) });
  process.stdout.write(`${path.basename(import.meta.url)}: ${JSON.stringify(result)}\n`);
}
