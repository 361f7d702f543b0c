/** The lab as a whole: two servers and a viewer, and waves of sessions that are verified one after the other. */
import { startServer, verify } from './processes.mjs';

export class Lab {
  #first = 0;
  #agent;
  #test;
  #viewer;
  #environment;
  #complaints = [];
  #agentTally;

  /** Starts the servers; port 0 takes free ones. */
  static async start({ viewer, agentPort = 0, testPort = 0, tracing = true }) {
    const lab = new Lab();
    lab.#viewer = viewer;
    lab.#environment = { HH_API_URL: viewer.url, TRACING: tracing ? 'on' : 'off' };
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
    this.#first += body.num_sessions;
    const response = await fetch(`${this.testUrl}/concurrent/test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ first, ...body }),
    });
    const summary = await response.json();
    if (!response.ok) throw new Error(`the test server answered ${response.status}: ${summary.error}`);
    return summary;
  }

  /** Runs sessions and verifies that each is whole, against what both servers counted without tracing. */
  async wave(body, { lenient = false, during } = {}) {
    const running = this.run(body);
    // Awaited below; an error before that must not count as unhandled.
    running.catch(() => undefined);
    await during?.();
    const summary = await running;
    const tally = await this.#settledTally();
    await this.#agent.ask('flush', 'flushed');
    const expected = summary.results.map((result) => {
      const remote = tally.spans[result.session_identifier] ?? 0;
      return {
        session_id: result.session_id,
        session_identifier: result.session_identifier,
        user_id: result.user_id,
        traces: 1,
        spans: result.client_spans + remote,
        remote_calls: remote > 0 ? 1 : 0,
        interrupted: lenient || result.interrupted,
      };
    });
    const alone = expected.length === 1 || body.concurrency === 1;
    const more = ['--caller', 'call_agent_1', ...(alone ? ['--no-overlap'] : [])];
    const report = await verify(this.#viewer.url, expected, more);
    return { summary, report, tally };
  }

  async memory() {
    return this.#agent.ask('memory', 'memory');
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
