/**
 * `spanwise/viewer`: a local backend to send spans to, to query, and to look at.
 *
 * @module spanwise/viewer
 */
export { startViewer, type Viewer, type ViewerOptions } from './start-viewer.js';
export type { ViewerLimits } from './exchange.js';
export { HoneyHiveClient, type HoneyHiveClientOptions } from '../honeyhive/client.js';
export { waitForEvents, type WaitOptions } from '../honeyhive/wait-for-events.js';
export { whereIs, type EventFilter } from '../honeyhive/filter.js';
export type { HoneyHiveEvent, JsonObject } from '../honeyhive/event.js';
