/** Prints `N passed, N failed` from the file that jest's `--json --outputFile` wrote. A file that did not run is a failure. */
import {readFileSync} from 'node:fs';

const result = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8') || '{}');
const {numPassedTests: passed = 0, numFailedTests = 0, numRuntimeErrorTestSuites = 0} = result;
console.log(`${passed} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed`);
