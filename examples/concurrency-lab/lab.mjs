/** The lab as a whole: two servers and a viewer, and waves of sessions that are verified one after the other. */
import { sessionOf } from './load/sessions.mjs';
import { startServer, verify } from './processes.mjs';

/** A span's start is rounded, and a process keeps its own clock. */
const CLOCK_MS = 1_000;

/** What the agent server makes of a call, at most: how many spans a killed one can have left. */
const SPANS_PER_CALL = 8;

export class Lab {
  #first = 0;
  #agent;
  #test;
  #viewer;
  #environment;
  #complaints = [];
  #agentTally;

  /** Starts the servers; port 0 takes free ones. */
  static async start({ viewer, agentPort = 0, testPort = 0, tracing = true, broken = '' }) {
    const lab = new Lab();
    lab.#viewer = viewer;
    lab.#environment = { HH_API_URL: viewer.url, TRACING: tracing ? 'on' : 'off', BREAK: broken };
    lab.#agent = await startServer('agent', { ...lab.#environment, PORT: String(agentPort) });
    lab.#test = await startServer('client', {
      ...lab.#environment,
      PORT: String(testPort),
      AGENT_URL: lab.#agent.url,
    });
    return lab;
  }

  get agentUrl() {
    return this.#agent.url;
  }
  get testUrl() {
    return this.#test.url;
  }
  /** What the servers complained about; planned errors are none. */
  get complaints() {
    return [...this.#complaints, ...this.#agent.complaints, ...this.#test.complaints].join('');
  }

  /** Runs sessions and gives the test server's summary. Every wave has users of its own. */
  async run(body) {
    const first = this.#first;
    this.#first += body.num_sessions ?? 2;
    const response = await fetch(`${this.testUrl}/concurrent/test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ first, ...body }),
    });
    const summary = await response.json();
    if (!response.ok) throw new Error(`the test server answered ${response.status}: ${summary.error}`);
    return summary;
  }

  /**
   * Runs sessions and verifies that each is whole, against what both servers counted without tracing.
   *
   * `killed`: the agent server is killed meanwhile, and with it what it had counted and not sent yet. Of sessions that
   * no other agent server served, spans of it may lack.
   */
  async wave(body, { killed = false, during } = {}) {
    const since = Date.now() - CLOCK_MS;
    const running = this.run(body);
    // Awaited below; an error before that must not count as unhandled.
    running.catch(() => undefined);
    await during?.();
    const summary = await running;
    const tally = await this.#settledTally();
    const expected = summary.results.map((result) => {
      const counted = tally.spans[result.session_identifier];
      const lost = killed && counted === undefined;
      const remote = lost ? SPANS_PER_CALL : (counted ?? 0);
      return {
        session_id: result.session_id,
        session_identifier: result.session_identifier,
        user_id: result.user_id,
        traces: 1,
        spans: result.client_spans + remote,
        service_spans: { 'test-server': result.client_spans, 'agent-server': remote },
        remote_calls: remote > 0 ? 1 : 0,
        lost_services: lost ? ['agent-server'] : [],
      };
    });
    const alone = expected.length === 1 || body.concurrency === 1 || body.spread_ms > 0;
    const more = ['--caller', 'call_agent_1', ...(alone ? ['--no-overlap'] : [])];
    const start = performance.now();
    const report = await this.#verify(expected, since, more);
    const verifySeconds = (performance.now() - start) / 1_000;
    const lost = expected.filter((one) => one.lost_services.length > 0).length;
    return { summary, report, tally, lost, verifySeconds };
  }

  /** Lets someone send requests to the agent server, each a session of its own, and verifies those that it took. */
  async load(send) {
    const since = Date.now() - CLOCK_MS;
    const measured = await send(this.agentUrl);
    const tally = await this.#settledTally();
    if (this.#environment.TRACING === 'off') return { measured };
    const expected = Object.entries(tally.spans).map(([identifier, spans]) => ({
      ...sessionOf(identifier),
      traces: 1,
      spans,
      remote_calls: 0,
    }));
    return { measured, report: await this.#verify(expected, since, ['--no-local', '--no-overlap']) };
  }

  /** Bytes in use by the servers after a garbage collection. */
  async memory() {
    const [agent, test] = await Promise.all([
      this.#agent.ask('memory', 'memory'),
      this.#test.ask('memory', 'memory'),
    ]);
    return { agent, test };
  }

  /** Ends the agent server and starts another at its port. */
  async restartAgent(signal, pauseMs) {
    const port = new URL(this.#agent.url).port;
    this.#agentTally = await this.#agent.stop(signal);
    this.#complaints.push(...this.#agent.complaints);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    this.#agent = await startServer('agent', { ...this.#environment, PORT: port });
  }

  async close() {
    await this.#test.stop();
    await this.#agent.stop();
  }

  async #verify(expected, since, more) {
    await this.#agent.ask('flush', 'flushed');
    // What is broken does not get better by waiting.
    const wait = this.#environment.BREAK === '' ? '20' : '1';
    return verify(this.#viewer.url, expected, ['--since', String(since), '--wait', wait, ...more]);
  }

  /** What the agent server counted, once it has finished what callers have given up on. */
  async #settledTally() {
    const before = this.#agentTally?.spans ?? {};
    this.#agentTally = undefined;
    let last;
    for (let look = 0; look < 600; look++) {
      const tally = await (await fetch(`${this.agentUrl}/tally`)).json();
      const now = JSON.stringify(tally);
      // What a caller gave up on may still be on its way in.
      if (tally.running === 0 && now === last) {
        await fetch(`${this.agentUrl}/tally`, { method: 'DELETE' });
        return { ...tally, spans: { ...before, ...tally.spans } };
      }
      last = now;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('the agent server is still at work after a minute');
  }
}
