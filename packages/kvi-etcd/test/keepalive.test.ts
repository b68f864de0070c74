import {afterEach, beforeEach, describe, expect, it, jest} from '@jest/globals';
import {keepalive} from '../src/cluster/keepalive.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** A connection on which something is received only if `receive` is called. */
function underTest() {
  const log: string[] = [];
  const connection = {received: 0, inUse: true};
  const begin = keepalive({
    bytesRead: () => connection.received,
    isInUse: () => connection.inUse,
    ping: () => log.push('ping'),
    onSilence: ({message}) => log.push(message),
  });
  return {log, connection, begin};
}

const silence = 'no data received for 10 s';

describe('a connection in use', () => {
  it('is given up 10 s after the last data, 4 s after a ping', () => {
    const {log, begin} = underTest();
    begin();
    jest.advanceTimersByTime(5_999);
    expect(log).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(log).toEqual(['ping']);
    jest.advanceTimersByTime(3_999);
    expect(log).toEqual(['ping']);
    jest.advanceTimersByTime(1);
    expect(log).toEqual(['ping', silence]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is kept as long as something arrives, and pinged 6 s after that at most', () => {
    const {log, connection, begin} = underTest();
    begin();
    for (let count = 0; count < 10; count += 1) {
      jest.advanceTimersByTime(6_000);
      // The answer.
      connection.received += 17;
      jest.advanceTimersByTime(1_000);
    }
    expect(log).toEqual(Array(10).fill('ping'));
    for (let count = 0; count < 10; count += 1) {
      connection.received += 1;
      jest.advanceTimersByTime(5_000);
    }
    expect(log).toHaveLength(10);
  });
});

describe('an idle connection', () => {
  it('is not pinged, and has no timer', () => {
    const {log, connection, begin} = underTest();
    begin();
    connection.inUse = false;
    jest.advanceTimersByTime(60_000);
    expect(log).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('has the whole time again when it is used again', () => {
    const {log, connection, begin} = underTest();
    begin();
    jest.advanceTimersByTime(5_000);
    connection.inUse = false;
    jest.advanceTimersByTime(1_000);
    connection.inUse = true;
    begin();
    begin();
    jest.advanceTimersByTime(5_999);
    expect(log).toEqual([]);
    jest.advanceTimersByTime(4_001);
    expect(log).toEqual(['ping', silence]);
  });
});
