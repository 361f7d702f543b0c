/** Runs one suite in this fresh process and prints what it found as one line of JSON. */
const [name, json] = process.argv.slice(2);
// `http:express` is the suite `http`, asked for Express.
const [suite, subject] = name.split(':');
const { run } = await import(`./suites/${suite}.mjs`);
const { samples, results, unit = 'ns' } = await run(JSON.parse(json), subject);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const medians = Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, median(list)]));
process.stdout.write(`\n@@${JSON.stringify({ results, medians, unit })}\n`, () => process.exit(0));
