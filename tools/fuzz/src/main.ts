/** `npm run fuzz -- --minutes N --seed S [--release bookworm,sid|all] [--lanes N] [--path P]` */
import {fuzz} from './fuzz.ts';
import {type CommandLine, parseCommandLine, usage} from './options.ts';
import {replay} from './replay.ts';
import {describeReport, progressLine} from './report.ts';

async function main({help, releases, path, ...options}: CommandLine): Promise<boolean> {
  if (help) {
    console.log(usage);
    return true;
  }
  if (path !== undefined) {
    const description = await replay({releases, path, seed: options.seed});
    console.log(description ?? 'The twin and etcd answer the same.');
    return description === undefined;
  }
  console.log(`fuzzing on ${releases.join(', ')} for ${options.minutes} minutes, seed ${options.seed}`);
  const reports = await fuzz({
    ...options,
    releases,
    onProgress: (soFar) => console.log(progressLine(soFar)),
  });
  for (const report of reports) console.log(`\n${describeReport(report)}`);
  return reports.every(({divergences}) => divergences.length === 0);
}

try {
  const isSame = await main(parseCommandLine(process.argv.slice(2)));
  if (!isSame) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
