/** Tells Stryker how to run the tests. */
import {declareClassPlugin, PluginKind} from '@stryker-mutator/api/plugin';
import {ThreadTestRunner} from './run/test-runner.ts';

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'threads', ThreadTestRunner)];
