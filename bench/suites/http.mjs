/**
 * What tracing adds to a request: servers in processes of their own that take turns, and this process as their
 * client. What counts is the CPU time of the server's process.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { ratio } from '../measure.mjs';
import { connect } from '../http/load.mjs';

const CONNECTIONS = 8;
/** A round takes a third of a second, so twenty of them are what there is time for. */
const MAX_ROUNDS = 20;
const CASES = ['bare', 'raw', 'ours'];

async function start(framework, how) {
  const child = fork(path.join(import.meta.dirname, '../http/server.mjs'), [framework, how], {
    execArgv: ['--no-warnings'],
  });
  const exit = once(child, 'exit').then(() => {
    throw new Error(`the server ${framework}/${how} ended`);
  });
  exit.catch(() => {});
  const answer = async () => (await Promise.race([once(child, 'message'), exit]))[0];
  const { port } = await answer();
  const load = await connect(port, CONNECTIONS);
  const state = () => {
    child.send('state');
    return answer();
  };
  return {
    how,
    /** CPU microseconds per request over one turn. */
    async turn(count) {
      const before = await state();
      await load.send(count);
      const after = await state();
      if (how !== 'bare' && after.ended - before.ended !== count) {
        throw new Error(
          `${framework}/${how}: ${after.ended - before.ended} right spans of ${count} requests`,
        );
      }
      return (after.micros - before.micros) / count;
    },
    stop() {
      load.close();
      child.kill();
    },
  };
}

export async function run({ rounds }, framework) {
  const requests = 1_000;
  const servers = [];
  try {
    for (const how of CASES) servers.push(await start(framework, how));
    for (const server of servers) await server.turn(6 * requests);
    const samples = Object.fromEntries(CASES.map((how) => [how, []]));
    for (let round = 0; round < Math.min(rounds, MAX_ROUNDS); round++) {
      for (let at = 0; at < servers.length; at++) {
        const server = servers[(at + round) % servers.length];
        samples[server.how].push(await server.turn(requests));
      }
    }
    return { samples, unit: 'µs', results: { added: ratio(samples, 'ours', 'raw', 'bare') } };
  } finally {
    for (const server of servers) server.stop();
  }
}
