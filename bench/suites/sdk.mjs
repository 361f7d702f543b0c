/** The same with the SDK as the engine. */
import { run as creation } from './creation.mjs';

export const run = (settings) => creation(settings, 'sdk');
