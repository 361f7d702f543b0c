/** Runs one suite in this fresh process and prints what it found as one line of JSON. */
const [suite, json] = process.argv.slice(2);
const { run } = await import(`./suites/${suite}.mjs`);
const { samples, results, unit = 'ns' } = await run(JSON.parse(json));
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const medians = Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, median(list)]));
process.stdout.write(`\n@@${JSON.stringify({ results, medians, unit })}\n`, () => process.exit(0));
