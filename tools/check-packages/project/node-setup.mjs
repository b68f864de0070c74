import {afterEach, beforeEach} from 'node:test';
import {beginTest, endTest} from 'kvi-mem/testing';

beforeEach(beginTest);
afterEach((test) => endTest({failed: !test.passed}));
