/** An application that knows nothing of tracing. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';

const app = express();
app.get('/prices/:item', async (request, response) => {
  const price = await (await fetch(process.env['SHOP'] as string)).text();
  response.send(`${request.params.item} costs ${price}`);
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
