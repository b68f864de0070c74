import {expect, it} from '@jest/globals';
import {newest} from '../src/async/newest.ts';

it('gives the newest value, once, to whoever asks first', async () => {
  const {iteration, put} = newest<number>(() => undefined);
  const waiting = [iteration.next(), iteration.next()];
  put(() => 1);
  expect(await waiting[0]).toEqual({done: false, value: 1});
  put(() => 2);
  expect(await waiting[1]).toEqual({done: false, value: 2});
  put(() => 3);
  put(() => 4);
  expect(await iteration.next()).toEqual({done: false, value: 4});
});

it('an error ends it at once and is thrown once, and what waited is dropped', async () => {
  let ends = 0;
  const {iteration, put, end} = newest<number>(() => (ends += 1));
  put(() => 1);
  end(new Error('first'));
  end(new Error('second'));
  put(() => 2);
  await expect(iteration.next()).rejects.toThrow('first');
  expect(await iteration.next()).toEqual({done: true, value: undefined});
  expect(ends).toBe(1);
});

it('whoever leaves is not told of an error that was not taken', async () => {
  const {iteration, end} = newest<number>(() => undefined);
  end(new Error('late'));
  await iteration[Symbol.asyncDispose]();
  expect(await iteration.next()).toEqual({done: true, value: undefined});
});

it('a loop that is left ends it', async () => {
  let ends = 0;
  const {iteration, put} = newest<number>(() => (ends += 1));
  put(() => 1);
  for await (const value of iteration) {
    expect(value).toBe(1);
    break;
  }
  expect(ends).toBe(1);
});

it('makes a value only when it is taken, and waits for another if that is not new', async () => {
  const made: number[] = [];
  const make = (value: number) => () => (made.push(value) === 2 ? undefined : value);
  const {iteration, put} = newest<number>(() => undefined);
  for (const value of [1, 2, 3]) put(make(value));
  expect(await iteration.next()).toEqual({done: false, value: 3});
  const next = iteration.next();
  put(make(4));
  await new Promise(setImmediate);
  put(make(5));
  expect(await next).toEqual({done: false, value: 5});
  expect(made).toEqual([3, 4, 5]);
});
