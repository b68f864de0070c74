/** etcd as a function, and a driver that runs the function. Read `step.ts` first. */
export {modelDriver} from './model-driver.ts';
export {type ModelStore, modelStore, type ModelStoreOptions} from './model-store.ts';
export {initialState, type InitialStateOptions, type Lease, type ModelState, type Revision} from './state.ts';
export {
  type ModelRequest,
  type ModelRequests,
  type ModelResponse,
  type ModelResponses,
  type RequestType,
  step,
} from './step.ts';
export {type ModelWatch, watchFrom} from './watch.ts';
