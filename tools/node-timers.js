/** Node's own, in place of the globals: jest's jsdom has no `setImmediate`, and fake timers replace it. */
export {setImmediate} from 'node:timers';
