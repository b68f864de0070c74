/** What grows with what. Both axes of every plot are logarithmic. */

/** The curves, by the name of their file. */
export const curves = {
  'keys-get': {title: 'get', x: 'keys in the store', y: 'µs of CPU a call'},
  'keys-store': {title: 'store, of a key that exists', x: 'keys in the store', y: 'µs of CPU a call'},
  'keys-scan': {title: 'read the next 100 keys', x: 'keys in the store', y: 'µs of CPU a call'},
  'keys-memory': {title: 'memory of a key', x: 'keys in the store', y: 'bytes a key'},
  'values-get': {title: 'get', x: 'bytes of the value', y: 'µs of CPU a call'},
  'values-store': {title: 'store', x: 'bytes of the value', y: 'µs of CPU a call'},
  history: {title: 'mem: with a long history', x: 'revisions of each of 10 keys', y: 'µs of CPU a call'},
  'history-memory': {title: 'memory of a revision', x: 'revisions of each of 10 keys', y: 'bytes a revision'},
  watches: {title: 'mem: with many watches', x: 'watches', y: 'µs of CPU'},
  'catch-up': {title: 'a watch of mem: from revision 2', x: 'revisions since', y: 'µs of CPU'},
} as const;

export type CurveName = keyof typeof curves;

/** One number of a curve. */
export interface Point {
  curve: CurveName;
  series: string;
  x: number;
  y: number;
}

/** A curve that was measured: for each series its numbers, by ascending x. */
export interface Curve {
  name: CurveName;
  series: {name: string; points: {x: number; y: number}[]}[];
}
