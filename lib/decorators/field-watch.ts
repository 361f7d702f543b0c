/**
 * Watches for legacy fields that compilers define instead of assigning, so that none stays untraced in silence.
 *
 * Two signs tell: the text of the class, when it is decorated, and an instance that has the field although its
 * accessor was never passed, when a traced sibling is called on it.
 */
import { sayDeferred, warn, warnLater } from '../diagnostics.js';

/** Fields whose accessor has not been passed yet, by prototype or class: key to place. */
const watched = new WeakMap<object, Map<string | symbol, string>>();
/** What keeps calls looking: fields that are watched, and one while something waits to be said. */
let open = 0;
let waiting = 0;

/** Starts watching a decorated field, or reports it at the start of tracing if its class already tells. */
export function watchField(target: object, key: string | symbol, where: string): void {
  if (typeof key === 'string' && definesField(classText(target), key)) {
    warnLater('SPW_FIELD', message(where), where);
    waiting = 1;
    return;
  }
  let fields = watched.get(target);
  if (fields === undefined) watched.set(target, (fields = new Map()));
  if (!fields.has(key)) open++;
  fields.set(key, where);
}

/** A value passed the accessor: this class's fields are assigned. */
export function seenField(target: object, key: string | symbol): void {
  if (watched.get(target)?.delete(key) === true) open--;
}

/**
 * Looks at the receiver of a traced call for decorated fields that were defined over their accessor.
 * While no field is watched, which is soon after the start, this is one comparison.
 *
 * @param isWrapper whether a value is traced all the same, by the remedy
 */
export function checkFields(receiver: unknown, isWrapper: (value: unknown) => boolean): void {
  if (open + waiting === 0) return;
  if (waiting !== 0) {
    waiting = 0;
    sayDeferred();
  }
  if (typeof receiver !== 'object' || receiver === null) return;
  try {
    for (let at = parent(receiver); at !== null; at = parent(at)) {
      const fields = watched.get(at);
      if (fields === undefined) continue;
      for (const [key, where] of [...fields]) {
        const own = Object.getOwnPropertyDescriptor(receiver, key);
        if (own === undefined) continue;
        seenField(at, key);
        if (!isWrapper(own.value)) warn('SPW_FIELD', message(where), where);
      }
    }
  } catch {
    // A hostile proxy as receiver: nothing can be said of its fields.
  }
}

function parent(object: object): object | null {
  return Object.getPrototypeOf(object) as object | null;
}

function message(where: string): string {
  return (
    `${where} is not traced: with useDefineForClassFields a legacy decorator never sees the field's value; ` +
    'write the field as f = trace(fn), or set useDefineForClassFields to false'
  );
}

function classText(target: object): string {
  try {
    const held: unknown = Object.getOwnPropertyDescriptor(target, 'constructor')?.value;
    return typeof held === 'function' ? Function.prototype.toString.call(held) : '';
  } catch {
    return '';
  }
}

/**
 * Whether the text of a class defines the field, by itself or by a compiler's helper. Only a report hangs on it:
 * where the text tells nothing, the field is watched.
 */
export function definesField(text: string, key: string): boolean {
  const name = key.replace(/[^\w]/g, '\\$&');
  if (new RegExp(`\\bthis\\s*(?:\\.\\s*${name}|\\[\\s*["']${name}["']\\s*\\])\\s*=[^=]`).test(text))
    return false;
  if (
    new RegExp(`\\b_{0,2}(?:defineProperty|define_property|publicField)\\(\\s*this,\\s*["']${name}["']`).test(
      text,
    )
  ) {
    return true;
  }
  return text.startsWith('class') && new RegExp(`[;{}\\n]\\s*["']?${name}["']?\\s*=[^=>]`).test(text);
}
