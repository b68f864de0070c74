/** Control of a store that stands in for an etcd in tests; kvi's own. `docs/server.md` describes it. */
import {method} from './etcd/method.ts';
import {bytes, choice, id, int64, message, text} from './protobuf/protobuf.ts';

const nothing = message({});
const snapshotName = message({name: text(1)});

const fault = message({
  effect: choice(1, ['fail', 'failAfterApplying', 'delayRequest', 'delayResponse', 'hang', 'pass'], {
    protocolNames: ['FAIL', 'FAIL_AFTER_APPLYING', 'DELAY_REQUEST', 'DELAY_RESPONSE', 'HANG', 'PASS'],
  }),
  operation: text(2),
  key: bytes(3),
  prefix: bytes(4),
  times: int64(5),
  code: text(6),
  ms: int64(7),
});

export const control = {
  advance: method('/kvi.control.v1.Control/Advance', message({ms: int64(1)}), nothing),
  compact: method('/kvi.control.v1.Control/Compact', nothing, nothing),
  reset: method('/kvi.control.v1.Control/Reset', nothing, nothing),
  snapshot: method('/kvi.control.v1.Control/Snapshot', snapshotName, nothing),
  restore: method('/kvi.control.v1.Control/Restore', snapshotName, nothing),
  fault: method('/kvi.control.v1.Control/Fault', fault, nothing),
  partition: method(
    '/kvi.control.v1.Control/Partition',
    message({calls: choice(1, ['hang', 'fail'])}),
    nothing,
  ),
  dropWatches: method('/kvi.control.v1.Control/DropWatches', nothing, nothing),
  heal: method('/kvi.control.v1.Control/Heal', nothing, nothing),
  lift: method('/kvi.control.v1.Control/Lift', nothing, nothing),
  loseLeases: method(
    '/kvi.control.v1.Control/LoseLeases',
    message({id: id(1), key: bytes(2), prefix: bytes(3)}),
    nothing,
  ),
};
