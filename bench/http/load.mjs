/** A client that costs little: some connections that each send the next request when they have their answer. */
import net from 'node:net';

let serial = 0;

/** Headers as a caller of ours sends them: another trace and another session for each request. */
function requestText(port) {
  serial++;
  const id = serial.toString(16);
  return (
    `GET /users/${serial % 1000}?page=2 HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nuser-agent: bench/1.0\r\n` +
    `accept: */*\r\ntraceparent: 00-${id.padStart(32, 'a')}-${id.padStart(16, 'b')}-01\r\n` +
    `baggage: session_id=3f2504e0-4f89-41d3-9a0c-${id.padStart(12, '0')},project=shop,source=web\r\n\r\n`
  );
}

/**
 * Keeps connections to a server.
 *
 * @param port the server's port, on loopback
 * @param connections how many requests are under way at once
 * @returns `send(count)`, which resolves when so many requests were answered with 200, and `close()`
 */
export async function connect(port, connections) {
  let left = 0;
  let waiting = 0;
  let done;
  let failed;
  const sockets = await Promise.all(
    Array.from({ length: connections }, () => {
      const socket = net.connect(port, '127.0.0.1');
      socket.setNoDelay(true);
      let text = '';
      socket.on('error', (error) => failed?.(error));
      socket.on('close', () => failed?.(new Error('the server closed the connection')));
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        const head = text.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = /content-length: (\d+)/i.exec(text);
        if (length === null || !text.startsWith('HTTP/1.1 200')) {
          return failed?.(new Error(`unexpected answer: ${text.slice(0, 200)}`));
        }
        if (text.length < head + 4 + Number(length[1])) return;
        text = '';
        waiting--;
        if (left > 0) next(socket);
        else if (waiting === 0) done?.();
      });
      return new Promise((resolve, reject) => {
        failed = reject;
        socket.once('connect', () => resolve(socket));
      });
    }),
  );
  const next = (socket) => {
    left--;
    waiting++;
    socket.write(requestText(port));
  };
  return {
    send(count) {
      left = count;
      return new Promise((resolve, reject) => {
        done = resolve;
        failed = reject;
        for (const socket of sockets) if (left > 0) next(socket);
      });
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
