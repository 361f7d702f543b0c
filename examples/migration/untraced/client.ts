/** The client without tracing: what the other two versions have in common. */
const url = process.env['AGENT_SERVER_URL'] as string;

class Client {
  async userCall(query: string): Promise<string> {
    const found = await this.callAgent1(query);
    return this.callAgent2(found);
  }

  async callAgent1(query: string): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
    if (!response.ok) throw new Error(`agent 1 answered ${response.status}`);
    return ((await response.json()) as { answer: string }).answer;
  }

  async callAgent2(text: string): Promise<string> {
    return `In short: ${text}.`;
  }
}

const client = new Client();
async function session(id: string, query: string): Promise<void> {
  await client.userCall(query).catch(() => undefined);
}

await Promise.all([session('s-1', 'tea and cake'), session('s-2', 'far more than agent one can bear')]);
process.disconnect?.();
