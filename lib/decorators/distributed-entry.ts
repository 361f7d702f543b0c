/**
 * `@DistributedEntry`: where a request enters a service.
 */
import { SpanwiseError } from '../diagnostics.js';
import { reportUnknownFields } from '../span/payload.js';
import { startCurrentRequest } from '../propagation/current-request.js';
import { createDecorator, isBareUse } from './decorator-protocol.js';
import type { DistributedEntryFactory } from './decorator-types.js';
import { ENTRY_FIELDS } from './options.js';
import { runLayers } from './run-layers.js';

/**
 * Continues the caller's trace and session in a method that a request enters by, with a SERVER span (CONSUMER for
 * messages).
 *
 * The caller's headers are found by themselves: in an argument that is a request, `Headers` or a known message, in
 * the current Node request, or in an argument that is a flat map of headers with `traceparent` or `baggage`. Data
 * is never searched. With `@Trace` on the same method there is one span, not two.
 *
 * @param options nothing, a selector of the carrier `(…args) => headers`, or options (see `EntryOptions`): `carrier`,
 *   `trust`, `sessionId`, `newSession`, `kind`, `baggage`, `span`, and everything of `@Trace`
 * @returns the decorator
 * @throws SpanwiseError `SPW_TARGET` at definition, on something that cannot be traced
 *
 * @example
 * ```ts
 * import { DistributedEntry, SessionTracer } from 'spanwise';
 *
 * SessionTracer.init({ project: 'shop', source: 'agent-server' });
 *
 * class AgentServer {
 *   @DistributedEntry()
 *   async invoke(_headers: Record<string, string>, query: string): Promise<string> {
 *     return `answer to ${query}`;
 *   }
 * }
 *
 * await new AgentServer().invoke(
 *   {
 *     traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
 *     baggage: 'session_id=s-1,project=shop,source=client',
 *   },
 *   'tea',
 * );
 * ```
 * A span of kind SERVER whose parent is the caller's span; session, project and source of the `baggage` header are on it
 * and on every span below:
 * ```text
 * AgentServer.invoke [tool] SERVER session=s-1 (parent is remote)
 * ```
 * @see https://www.w3.org/TR/trace-context-2/
 * @see https://www.w3.org/TR/baggage/
 * @function
 * @category Decorators
 */
export const DistributedEntry: DistributedEntryFactory = ((...args: unknown[]): unknown => {
  // From now on the current request of Node's HTTP server can be asked for; nothing is listened to without an entry.
  startCurrentRequest();
  if (isBareUse(args))
    return Reflect.apply(createDecorator({ kind: 'entry', options: {} }, runLayers), undefined, args);
  return createDecorator({ kind: 'entry', options: entryOptions(args[0]) }, runLayers);
}) as DistributedEntryFactory;

function entryOptions(given: unknown): unknown {
  if (given === undefined) return {};
  if (typeof given === 'function') return { carrier: given };
  if (typeof given !== 'object' || given === null) {
    throw new SpanwiseError(
      'SPW_OPTION',
      `@DistributedEntry takes a selector or options, not ${given === null ? 'null' : typeof given}`,
    );
  }
  reportUnknownFields(given, ENTRY_FIELDS, '@DistributedEntry');
  return given;
}
