/**
 * How twins drift from etcd: the differences of the twin in the Go package hms-hmetcd, by number, and others. Each is built on
 * the proper twin, and the contract has to notice it.
 */
import {absentAsEmpty, testAndSetOfAbsent, unknownOperator} from './compares.ts';
import type {Drift} from './drift.ts';
import {noLimits, noRevisions, notAtomic, noTimeouts, sentTwice, usableAfterClose} from './handles.ts';
import {emptyKey, noLeases, openWrites, stickyLease} from './keys.ts';
import {
  createIfAbsent,
  locksDoNothing,
  lossUnseen,
  oneLockName,
  permanentTempKey,
  waitIsTtl,
} from './locks.ts';
import {anyOrder, includedEnd, literalEnds} from './ranges.ts';
import {
  firstEventOnly,
  gapsBetweenEvents,
  lateCancel,
  neverCancelled,
  notInPlace,
  pollingWatch,
  sameValueUnseen,
} from './watches.ts';

/** The sixteen of that twin, the last in parts; then what other clients and doubles of etcd get wrong. */
export const drifts: readonly (Drift & {number: string})[] = [
  {number: '1', ...testAndSetOfAbsent},
  {number: '2', ...absentAsEmpty},
  {number: '3', ...unknownOperator},
  {number: '4', ...includedEnd},
  {number: '5', ...anyOrder},
  {number: '6', ...literalEnds},
  {number: '7', ...emptyKey},
  {number: '8', ...locksDoNothing},
  {number: '9', ...permanentTempKey},
  {number: '10', ...pollingWatch},
  {number: '11', ...gapsBetweenEvents},
  {number: '12', ...lateCancel},
  {number: '13', ...notAtomic},
  {number: '14', ...openWrites},
  {number: '15', ...usableAfterClose},
  {number: '16a', ...noRevisions},
  {number: '16b', ...noLeases},
  {number: '16c', ...noTimeouts},
  {number: '16d', ...noLimits},
  {number: '17', ...firstEventOnly},
  {number: '18', ...sameValueUnseen},
  {number: '19', ...neverCancelled},
  {number: '20', ...notInPlace},
  {number: '21', ...stickyLease},
  {number: '22', ...lossUnseen},
  {number: '23', ...oneLockName},
  {number: '24', ...waitIsTtl},
  {number: '25', ...createIfAbsent},
  {number: '26', ...sentTwice},
];
