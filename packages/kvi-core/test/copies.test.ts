import {expect, it} from '@jest/globals';
import type * as ErrorsModule from '../src/etcd/errors.ts';
import {isKviError, KviError} from '../src/etcd/errors.ts';

it('An error is told in another copy of kvi too', async () => {
  // The query makes the runner load the file once more.
  const copyOf = (file: string): Promise<unknown> => import(`${file}?copy`);
  const copy = (await copyOf('../src/etcd/errors.ts')) as typeof ErrorsModule;
  expect(copy.KviError).not.toBe(KviError);
  const error = new copy.KviError('KVI_TIMEOUT', 'late');
  expect(isKviError(error, 'KVI_TIMEOUT')).toBe(true);
  expect(error).toBeInstanceOf(KviError);
  expect(copy.isKviError(new KviError('KVI_CLOSED', 'enough'), 'KVI_CLOSED')).toBe(true);
});
