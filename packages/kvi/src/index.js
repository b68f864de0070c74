/** The front door: `open`, and what comes out of it. */
export * from 'kvi-core';
export { open } from "./open.js";
