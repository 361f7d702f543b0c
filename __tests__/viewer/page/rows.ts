/** Rows of a session, for tests of what the page makes of them. */
import type { Row } from '../../../lib/viewer/page-model.js';

export const row = (key: string, parent: string | null = null, more: Partial<Row> = {}): Row => ({
  key,
  id: key,
  parent,
  trace: 't',
  name: key,
  service: 'a',
  kind: 'internal',
  type: 'tool',
  start: 0,
  end: 1,
  error: null,
  stamped: true,
  peer: null,
  tokens: null,
  cost: null,
  dropped: 0,
  truncated: false,
  ...more,
});
