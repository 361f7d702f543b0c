/**
 * A jest reporter that writes the counts of a run to the file named by `SPANWISE_JEST_COUNTS`, for `.ci/run`.
 */
import { writeFileSync } from 'node:fs';

export default class JestCounts {
  onRunComplete(_contexts, results) {
    const file = process.env.SPANWISE_JEST_COUNTS;
    if (!file) return;
    const counts = {
      passed: results.numPassedTests,
      // A suite that could not be loaded has no tests to count and is a failure all the same.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    writeFileSync(file, JSON.stringify(counts));
  }
}
