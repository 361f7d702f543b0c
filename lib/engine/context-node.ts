/**
 * Where the engine takes its contexts from.
 */
export { contextWithSpan } from '../context/context-node.js';
