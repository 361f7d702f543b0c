/**
 * A steady rate of requests against the agent server, each with a session of its own.
 *
 * node examples/concurrency-lab/load/autocannon.mjs [URL] [RATE] [SECONDS]
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { headersOf } from './sessions.mjs';

let runs = 0;

/** Sends `rate` requests a second for some seconds; gives what came back. */
export async function rateScenario(url, { rate, seconds }) {
  const run = ++runs;
  let sent = 0;
  const result = await autocannon({
    url: `${url}/agent/invoke`,
    method: 'POST',
    connections: 20,
    overallRate: rate,
    duration: seconds,
    timeout: 30,
    requests: [
      {
        setupRequest: (request) => {
          const identifier = `LOAD_${run}_${++sent}`;
          const body = JSON.stringify({ identifier, query: `tea-in-${identifier}`, delayMs: 2 });
          return { ...request, headers: headersOf(identifier), body };
        },
      },
    ],
  });
  return {
    requestsPerSecond: result.requests.average,
    medianMs: result.latency.p50,
    p90Ms: result.latency.p90,
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
