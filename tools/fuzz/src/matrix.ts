/** `npm run test:matrix -- [--minutes N] [--seed S]`: the contract and the fuzzer on every version of etcd. */
import {type ContractResult, runContract} from './contract-run.ts';
import {fuzz, type FuzzReport} from './fuzz.ts';
import {parseCommandLine, usage} from './options.ts';
import {describeReport, progressLine} from './report.ts';

async function main(args: readonly string[]): Promise<boolean> {
  const options = parseCommandLine(['--release', 'all', ...args]);
  if (options.help) {
    console.log(usage);
    return true;
  }
  const contracts: ContractResult[] = [];
  for (const release of options.releases) {
    console.log(`the contract on etcd (${release})`);
    contracts.push(await runContract(release));
  }
  console.log(`fuzzing for ${options.minutes} minutes, seed ${options.seed}`);
  const onProgress = (soFar: readonly FuzzReport[]) => console.log(progressLine(soFar));
  const reports = await fuzz({...options, onProgress});

  for (const {failures} of contracts) for (const failure of failures) console.log(`\n${failure}`);
  for (const report of reports) if (report.divergences.length > 0) console.log(`\n${describeReport(report)}`);
  console.log(`\n${table(contracts, reports)}`);
  return (
    contracts.every(({passed, total}) => passed === total && total > 0) &&
    reports.every(({divergences}) => divergences.length === 0)
  );
}

function table(contracts: readonly ContractResult[], reports: readonly FuzzReport[]): string {
  const rows = reports.map(({release, version, tally, divergences}) => {
    const contract = contracts.find((each) => each.release === release);
    return [
      `${version} (${release})`,
      `${contract?.passed ?? 0} of ${contract?.total ?? 0}`,
      String(tally.operations),
      String(tally.events),
      String(divergences.length),
    ];
  });
  const all = [['etcd', 'contract cases passed', 'operations compared', 'events', 'divergences'], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

try {
  if (!(await main(process.argv.slice(2)))) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
