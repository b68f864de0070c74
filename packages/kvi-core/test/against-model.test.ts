import {describe, it} from '@jest/globals';
import {testDriverAgainstModel} from 'kvi-core/contract/fuzz';
import {tinyStore} from './tiny-driver.ts';

const store = tinyStore();

testDriverAgainstModel(
  'A driver of a third party',
  {open: () => Promise.resolve(store.open())},
  {describe, it},
  {runs: 40},
);
