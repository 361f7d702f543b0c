/**
 * Started from outside: `app.ts` is an ESM application of Express that knows nothing of tracing. `node --import
 * spanwise/register app.js` starts tracing before its imports run, so that OpenTelemetry's instrumentations see them,
 * and traces its outgoing calls as well. `config.ts` is what `spanwise.config.mjs` would be.
 *
 * ```text
 * GET /prices/:item [tool] SERVER session=s-1
 * └─ request handler [tool]
 *    └─ GET [tool] CLIENT
 * the application has answered: tea costs 42
 * ```
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** These programs as they are compiled, beside this one. */
const program = (name: string): string => fileURLToPath(new URL(`./register-${name}.mjs`, import.meta.url));

const shop = createServer((_request, response) => response.end('42')).listen(0, '127.0.0.1');
await once(shop, 'listening');

// In an application of your own: node --import spanwise/register app.js
const app = spawn(process.execPath, ['--import', program('start'), program('app')], {
  env: {
    ...process.env,
    SPANWISE_CONFIG: program('config'),
    SHOP: `http://127.0.0.1:${(shop.address() as AddressInfo).port}`,
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(app, 'close');
let printed = '';
app.stdout.on('data', (chunk) => (printed += String(chunk)));
await once(app.stdout, 'data');

const answer = await fetch(`${printed.trim()}/prices/tea`, { headers: { baggage: 'session_id=s-1' } });
const text = await answer.text();
app.kill('SIGTERM');
await ended;
shop.close();
console.log(printed.split('\n').slice(1).join('\n').trim());
console.log(`the application has answered: ${text}`);
