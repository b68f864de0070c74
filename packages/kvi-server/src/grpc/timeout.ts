const milliseconds: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** The longest that a timer can run; a longer deadline is none. */
const maxMs = 2 ** 31 - 1;

/**
 * The milliseconds that a client gives a call; undefined: all the time.
 *
 * @param header - `grpc-timeout`: up to eight digits and a unit
 */
export function timeoutIn(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  const ms = Math.ceil(Number(digits) * (milliseconds[unit] ?? NaN));
  return ms <= maxMs ? ms : undefined;
}
