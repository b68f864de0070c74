import { kviOptionNames } from 'kvi-core';
import { invalidArgument } from 'kvi-core/driver';
const own = { etcd: true, mem: true, drivers: true };
const known = [...kviOptionNames, ...Object.keys(own)];
/**
 * Refuses an option that means nothing: a misspelt one would silently do nothing.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function checkOptionNames(options) {
    const unknown = Object.keys(options).find((name) => !known.includes(name));
    if (unknown !== undefined) {
        throw invalidArgument(`there is no option ${unknown}; there are ${known.join(', ')}`);
    }
}
