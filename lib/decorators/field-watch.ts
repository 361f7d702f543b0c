/**
 * Watches for legacy fields that compilers define instead of assigning, so that none stays untraced in silence.
 */
import { warn } from '../diagnostics.js';

interface Watch {
  readonly key: string | symbol;
  readonly where: string;
}

/** Fields whose accessor has not been passed yet, by prototype or class. */
const watched = new WeakMap<object, Map<string | symbol, Watch>>();
let open = 0;

/** Starts watching a decorated field. */
export function watchField(target: object, key: string | symbol, where: string): void {
  let fields = watched.get(target);
  if (fields === undefined) watched.set(target, (fields = new Map()));
  fields.set(key, { key, where });
  open++;
}

/** A value passed the accessor: this class's fields are assigned. */
export function seenField(target: object, key: string | symbol): void {
  if (watched.get(target)?.delete(key) === true) open--;
}

/**
 * Looks at a receiver of a traced call for decorated fields that were defined over their accessor.
 * While no field is watched, which is soon after start-up, this is one comparison.
 *
 * @param isWrapper whether a value is traced all the same, by the remedy
 */
export function checkFields(receiver: unknown, isWrapper: (value: unknown) => boolean): void {
  if (open === 0 || typeof receiver !== 'object' || receiver === null) return;
  try {
    for (
      let at = Object.getPrototypeOf(receiver) as object | null;
      at !== null;
      at = Object.getPrototypeOf(at) as object | null
    ) {
      const fields = watched.get(at);
      if (fields === undefined) continue;
      for (const { key, where } of [...fields.values()]) {
        const own = Object.getOwnPropertyDescriptor(receiver, key);
        if (own === undefined) continue;
        seenField(at, key);
        if (!isWrapper(own.value)) reportDefined(where);
      }
    }
  } catch {
    // A hostile proxy as receiver: nothing can be said of its fields.
  }
}

function reportDefined(where: string): void {
  warn(
    'SPW_FIELD',
    `${where} is not traced: with useDefineForClassFields a legacy decorator never sees the field's value; ` +
      'write the field as f = trace(fn), or set useDefineForClassFields to false',
    where,
  );
}
