/** What Stryker is given: how to run the tests, and what to say about the outcome. */
import {declareClassPlugin, PluginKind} from '@stryker-mutator/api/plugin';
import {ThreadTestRunner} from './run/test-runner.ts';
import {SurvivorsReporter} from './survivors/reporter.ts';

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, 'threads', ThreadTestRunner),
  declareClassPlugin(PluginKind.Reporter, 'survivors', SurvivorsReporter),
];
