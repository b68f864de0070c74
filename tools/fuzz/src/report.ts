import type {FuzzReport} from './fuzz.ts';

/** One line for each version: how far it is. */
export function progressLine(reports: readonly FuzzReport[]): string {
  return reports
    .map(
      ({version, tally, divergences}) =>
        `etcd ${version}: ${tally.operations} operations, ${divergences.length} divergences`,
    )
    .join('; ');
}

/** What was compared on one version, and the divergences with what replays them. */
export function describeReport({
  release,
  version,
  minutes,
  seed,
  programs,
  tally,
  divergences,
}: FuzzReport): string {
  const perSecond = Math.round(tally.operations / (minutes * 60));
  const errors = Object.entries(tally.errors)
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => `    ${code.padEnd(24)} ${count}`);
  const found = divergences.map(
    (divergence, i) =>
      `\nDivergence ${i + 1}. To replay: npm run fuzz -- --release ${release} --seed ${divergence.seed} --path ${divergence.path}\n${divergence.description}`,
  );
  return [
    `etcd ${version} (${release}), seed ${seed}`,
    `  operations compared        ${tally.operations} (${perSecond} a second), and ${tally.inTransactions} within transactions`,
    `  programs                   ${programs}`,
    `  watch events compared      ${tally.events}`,
    `  errors compared`,
    ...errors,
    `  divergences                ${divergences.length}`,
    ...found,
  ].join('\n');
}
