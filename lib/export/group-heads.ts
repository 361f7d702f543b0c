/**
 * The resource and scope in front of spans, encoded once and kept, as soon as the resource is complete.
 */
import type { Batch } from './batch.js';
import { backgroundTimer } from './platform.js';
import type { Group, GroupHead, SpanEncoder } from './span-encoder.js';
import type { InstrumentationScope, Resource } from '../tracer/sdk-contract.js';

/** No detector of a resource is waited for longer than this. */
const RESOURCE_WAIT_MS = 5_000;

/** Finds the group of a span; spans mostly come from the group of the one before. */
export class Groups {
  readonly #byResource = new WeakMap<
    Resource,
    { byScope: WeakMap<InstrumentationScope, Group>; byName: Map<string, Group> }
  >();
  #last: Group | undefined;

  of(resource: Resource, scope: InstrumentationScope): Group {
    const last = this.#last;
    if (last !== undefined && last.scope === scope && last.resource === resource) return last;
    let known = this.#byResource.get(resource);
    if (known === undefined)
      this.#byResource.set(resource, (known = { byScope: new WeakMap(), byName: new Map() }));
    let group = known.byScope.get(scope);
    if (group === undefined) {
      // Providers make a new scope object for each `getTracer`: the same name is the same scope.
      const name = JSON.stringify([
        scope.name,
        scope.version,
        scope.schemaUrl,
        (scope as { attributes?: unknown }).attributes,
      ]);
      group = known.byName.get(name);
      if (group === undefined) {
        if (known.byName.size > 1_000) known.byName.clear();
        known.byName.set(name, (group = { resource, scope, head: undefined }));
      }
      known.byScope.set(scope, group);
    }
    // Only an exact hit may be answered by the fast path.
    this.#last = group.scope === scope ? group : undefined;
    return group;
  }
}

export class GroupHeads {
  /** The encoded head of a group; kept in the group once the resource has all its attributes. */
  of(group: Group, encoder: SpanEncoder): GroupHead {
    if (group.head !== undefined) return group.head;
    if (group.resource === undefined || group.scope === undefined) throw new Error('a group has no resource');
    const head = encoder.encodeGroup(group.resource, group.scope);
    if (group.resource.asyncAttributesPending !== true) group.head = head;
    return head;
  }

  /** Waits, within bounds, for the resources of a batch; their detectors may still be running. */
  async settle(batch: Batch): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const { resource } of batch.groups) {
      if (resource?.asyncAttributesPending !== true || resource.waitForAsyncAttributes === undefined)
        continue;
      waits.push(resource.waitForAsyncAttributes().catch(() => {}));
    }
    if (waits.length === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const bound = new Promise<void>((resolve) => (timer = backgroundTimer(resolve, RESOURCE_WAIT_MS)));
    await Promise.race([Promise.all(waits), bound]);
    clearTimeout(timer);
  }
}
