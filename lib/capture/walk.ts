/**
 * The walk over a value that is to be recorded.
 *
 * The value is a stranger's. The walk keeps its own stack, reads descriptors only, and stops at the limits of
 * depth, entries, bytes and time, so that neither a hostile nor an unlucky value costs the traced call more than a
 * few milliseconds.
 */
import type { AttributeValue } from '@opentelemetry/api';
import { ATTR_TRUNCATED, REDACTED } from '../conventions.js';
import { singleLine, warn } from '../diagnostics.js';
import { classNameOf, describe, ownValue, sizeOf, stepper } from './intrinsics.js';
import {
  createBudget,
  MAX_KEY_LENGTH,
  MAX_SEGMENT_LENGTH,
  resolveLimits,
  SAMPLE,
  type CaptureBudget,
  type CaptureLimits,
} from './limits.js';
import {
  askRedactor,
  limitWindow,
  redactionParts,
  redactPlain,
  windowOf,
  type RedactionParts,
  type Redactor,
} from './redact.js';
import { isSecretName } from './secret-keys.js';
import { byteCeiling, cutText, tooLong } from './text.js';
import { alone } from '../descriptor.js';

/** How `flatten` records a value. */
export interface FlattenOptions {
  /** Asked about every value; undefined records everything. */
  redact?: Redactor | undefined;
  /** Bounds that differ from the budget's, or from `DEFAULT_CAPTURE_LIMITS`. */
  limits?: Partial<CaptureLimits>;
  /** What the span has left; a namespace leaves half of it to those that come after it. */
  budget?: CaptureBudget;
}

type Plain = string | number | boolean | bigint;

/** A container that is being walked. */
interface Frame {
  readonly prefix: string;
  /** Bytes of the prefix. */
  readonly size: number;
  readonly value: object;
  readonly names: readonly string[] | undefined;
  readonly items: readonly unknown[] | undefined;
  readonly step: (() => IteratorResult<unknown>) | undefined;
  readonly isMap: boolean;
  readonly length: number;
  /** How many entries are recorded; of a larger container fewer, from both its ends. */
  readonly take: number;
  /** The entry whose value a `name` beside it declares secret. */
  readonly hidden: string | undefined;
  next: number;
}

const { hasOwn, defineProperty } = Object;

/** A number takes 8 bytes in protobuf, and up to 24 characters in JSON. */
const NUMBER_SIZE = 24;
const MAX_BIGINT = 1n << 1024n;
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
const PRINTABLE_ASCII = /^[ -~]*$/;
/** A key of two to this power characters counts as one more visit. */
const LONG_KEY = 6;
/** Names up to this length are no secrets. */
const SHORT_NAME = 12;

/** One walk; `run` it once. */
export class Walk {
  private readonly limits: Readonly<CaptureLimits>;
  private readonly budget: CaptureBudget;
  private readonly leaveKeys: number;
  private readonly leaveBytes: number;
  private readonly leaveVisits: number;
  private readonly redact: Redactor | undefined;
  private readonly parts: RedactionParts | undefined;
  private readonly stack: Frame[] = [];
  /** Why something is missing, in a few words. */
  private cut: string | undefined;
  private stopped = false;

  constructor(
    private readonly root: string,
    private readonly out: Record<string, AttributeValue>,
    options: FlattenOptions | undefined,
  ) {
    const shared = options?.budget;
    this.budget = shared ?? createBudget(options?.limits);
    this.limits = resolveLimits(options?.limits, this.budget.limits);
    this.leaveKeys = shared === undefined ? 0 : shared.keys >> 1;
    this.leaveBytes = shared === undefined ? 0 : shared.bytes >> 1;
    this.leaveVisits = shared === undefined ? 0 : shared.visits >> 1;
    this.redact = options?.redact;
    this.parts = this.redact === undefined ? undefined : redactionParts(this.redact);
  }

  run(value: unknown): void {
    if (this.hidesRoot()) {
      if (value !== undefined && value !== null) this.write(this.root, byteCeiling(this.root), REDACTED);
      return;
    }
    this.visit(this.root, byteCeiling(this.root), value);
    const { stack } = this;
    while (!this.stopped && stack.length > 0) {
      if (!this.advance(stack[stack.length - 1] as Frame)) stack.pop();
    }
    if (this.cut !== undefined) {
      this.assign(ATTR_TRUNCATED, true);
      warn('SPW_CAPTURE', `${this.root} was cut (${this.cut}); record less of it`, this.root);
    }
  }

  private hidesRoot(): boolean {
    const { parts, root } = this;
    if (parts === undefined) return false;
    return root.split('.', 32).some((name) => parts.hides(name, root));
  }

  private exhausted(): boolean {
    const { budget } = this;
    if (budget.keys <= this.leaveKeys) this.cut = 'too many values';
    else if (budget.bytes <= this.leaveBytes) this.cut = 'too many bytes';
    else return false;
    return true;
  }

  /** One entry of the container; false when there is none left. */
  private advance(frame: Frame): boolean {
    let index = frame.next++;
    const { take, length } = frame;
    if (index >= take) {
      if (take < length) this.cut = 'too many entries in one object';
      return false;
    }
    if (frame.step === undefined) {
      // The newer half of a sample is the end of the list.
      if (take < length && index >= take - (take >> 1)) index += length - take;
      if (frame.items !== undefined) {
        this.entry(frame, `${index}`, index, ownValue(frame.items, index));
      } else {
        const name = (frame.names as readonly string[])[index] as string;
        this.entry(frame, name, index, ownValue(frame.value, name));
      }
      return true;
    }
    const step = frame.step();
    if (step.done === true) return false;
    if (frame.isMap) {
      const [key, value] = step.value as [unknown, unknown];
      const named = typeof key === 'string' || typeof key === 'number';
      this.entry(frame, named ? `${key}` : `${index}`, index, value);
    } else {
      this.entry(frame, `${index}`, index, step.value);
    }
    return true;
  }

  private entry(frame: Frame, name: string, index: number, value: unknown): void {
    const { budget } = this;
    if (budget.visits <= this.leaveVisits) {
      this.stopped = true;
      this.cut = 'too many objects';
      return;
    }
    budget.visits--;
    if (value === undefined || value === null) return;
    const type = typeof value;
    if (type === 'function' || type === 'symbol') return;
    if (this.exhausted()) {
      this.stopped = true;
      return;
    }
    const ordinary = frame.items !== undefined || (name.length <= SHORT_NAME && PRINTABLE_ASCII.test(name));
    if (!ordinary) budget.visits -= Math.min(name.length, MAX_KEY_LENGTH) >> LONG_KEY;
    const segment = ordinary ? name : this.segment(name);
    const key = frame.prefix === '' ? segment : `${frame.prefix}.${segment}`;
    if (key.length > MAX_KEY_LENGTH) {
      this.cut = 'too deep';
      return;
    }
    // Long keys take longer, wherever they are looked at.
    budget.visits -= key.length >> LONG_KEY;
    const size = frame.size + 1 + (ordinary ? segment.length : byteCeiling(segment));
    if (this.hides(frame, name, index, key)) {
      this.write(key, size, REDACTED);
      return;
    }
    try {
      this.visit(key, size, value);
    } catch {
      // A Proxy that could not be recognised as one, or an exotic object of the host.
      this.write(key, size, '[Unreadable]');
    }
  }

  private hides(frame: Frame, name: string, index: number, key: string): boolean {
    const { parts } = this;
    if (parts === undefined) return false;
    if (frame.items === undefined) return frame.hidden === name || parts.hides(name, key);
    // Raw headers are lists of a name and its value.
    const before = index > 0 ? ownValue(frame.items, index - 1) : undefined;
    return typeof before === 'string' && namesSecret(before);
  }

  /** A property name as a piece of an attribute key. */
  private segment(name: string): string {
    let segment = name;
    if (name.length > SHORT_NAME) {
      if (name.length > MAX_SEGMENT_LENGTH) this.cut = 'a long name';
      const window = windowOf(name, MAX_SEGMENT_LENGTH);
      // An index of objects by their tokens would record the tokens as names.
      segment = limitWindow(window, this.parts?.text(window, this.budget) ?? window, MAX_SEGMENT_LENGTH);
    }
    if (UNPRINTABLE.test(segment)) segment = singleLine(segment, MAX_SEGMENT_LENGTH);
    return cutText(segment, MAX_SEGMENT_LENGTH);
  }

  private visit(key: string, size: number, value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.text(key, size, value);
        return;
      case 'number':
      case 'boolean':
      case 'bigint':
        this.leaf(key, size, value);
        return;
      case 'object':
        if (value !== null) this.container(key, size, value);
    }
  }

  private container(key: string, size: number, value: object): void {
    const { kind, text } = describe(value);
    if (kind === 'text') {
      if (typeof text === 'string') this.text(key, size, text);
      else this.leaf(key, size, text!);
      return;
    }
    if (kind === 'error') {
      this.error(key, size, value);
      return;
    }
    if (this.isOpen(value)) {
      this.write(key, size, '[Circular]');
      return;
    }
    if (this.stack.length >= this.limits.maxDepth) {
      this.cut = 'too deep';
      return;
    }
    const items = kind === 'array' ? (value as unknown[]) : undefined;
    const names = kind === 'object' ? this.budget.names.list(value) : undefined;
    if (kind === 'object' && names === undefined) {
      this.cut = 'too many entries in one object';
      this.write(key, size, '[Object with too many entries]');
      return;
    }
    const isMap = kind === 'map';
    const isSteps = isMap || kind === 'set';
    const length = isSteps ? sizeOf(value, isMap) : (items ?? names!).length;
    if (length === 0) return;
    const { maxItems } = this.limits;
    this.stack.push({
      prefix: key,
      size,
      value,
      names,
      items,
      step: isSteps ? stepper(value as Map<unknown, unknown>, isMap) : undefined,
      isMap,
      length,
      take: length <= maxItems ? length : Math.min(SAMPLE, maxItems),
      hidden: names !== undefined && this.parts !== undefined ? declaredSecret(value) : undefined,
      next: 0,
    });
  }

  /** Whether the value is a container that the walk is inside of. */
  private isOpen(value: object): boolean {
    const { stack } = this;
    for (let at = stack.length - 1; at >= 0; at--) if ((stack[at] as Frame).value === value) return true;
    return false;
  }

  /** An error's name and message, never its `cause`, its stack or what else hangs on it. */
  private error(key: string, size: number, value: object): void {
    const name = ownValue(value, 'name');
    this.text(`${key}.name`, size + 5, typeof name === 'string' ? name : (classNameOf(value) ?? 'Error'));
    const message = ownValue(value, 'message');
    if (typeof message === 'string' && message !== '') this.text(`${key}.message`, size + 8, message);
  }

  private leaf(key: string, size: number, value: Exclude<Plain, string>): void {
    const { parts, redact } = this;
    const plain = parts === undefined ? value : redactPlain(parts, value);
    const asked = parts === undefined ? redact : parts.custom;
    if (asked === undefined) {
      this.write(key, size, native(plain));
      return;
    }
    const answer = askRedactor(asked, key, plain);
    if (typeof answer === 'string') this.write(key, size, this.shorten(answer));
    else if (answer !== undefined) this.write(key, size, native(answer));
  }

  private text(key: string, size: number, value: string): void {
    const { parts, redact, budget } = this;
    const max = this.limits.maxStringLength;
    if (value.length > max) {
      this.cut = 'a long text';
      budget.cuts -= value.length;
      if (budget.cuts < 0) {
        this.write(key, size, tooLong(value));
        return;
      }
    }
    if (redact === undefined) {
      this.write(key, size, cutText(value, max));
      return;
    }
    const window = windowOf(value, max);
    const checked = parts === undefined ? window : parts.text(window, budget);
    const asked = parts === undefined ? redact : parts.custom;
    const answer = asked === undefined ? checked : askRedactor(asked, key, checked);
    if (typeof answer === 'string') this.write(key, size, limitWindow(window, answer, max));
    else if (answer !== undefined) this.write(key, size, native(answer));
  }

  private shorten(text: string): string {
    const { maxStringLength } = this.limits;
    if (text.length > maxStringLength) this.cut = 'a long text';
    return cutText(text, maxStringLength);
  }

  private write(key: string, keySize: number, value: string | number | boolean): void {
    const { budget } = this;
    const room = budget.bytes - this.leaveBytes - keySize;
    let recorded = value;
    let size = NUMBER_SIZE;
    if (typeof value === 'string') {
      size = byteCeiling(value);
      if (size > room) {
        this.cut = 'too many bytes';
        recorded = cutText(value, Math.max(0, Math.floor(room / (size > value.length ? 3 : 1))));
        size = byteCeiling(recorded as string);
      }
    }
    if (budget.keys <= this.leaveKeys || size > room) {
      this.cut ??= 'too many values';
      budget.bytes = Math.min(budget.bytes, this.leaveBytes);
      return;
    }
    budget.keys--;
    budget.bytes -= size + keySize;
    this.assign(key, recorded);
  }

  private assign(key: string, value: string | number | boolean): void {
    const { out } = this;
    // `__proto__` and names that a frozen Object.prototype holds cannot be assigned, only defined.
    if (key in out && !hasOwn(out, key)) {
      defineProperty(out, key, alone({ value, enumerable: true, configurable: true, writable: true }));
    } else {
      out[key] = value;
    }
  }
}

/** A plain value as it goes into an attribute; the words for what is no number are those of Python's senders. */
function native(value: Plain): string | number | boolean {
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  }
  if (typeof value === 'bigint') {
    // Writing a bigint takes time that grows with the square of its length.
    return value < MAX_BIGINT && value > -MAX_BIGINT ? `${value}` : '[BigInt]';
  }
  return value;
}

function namesSecret(text: string): boolean {
  return text.length > 2 && text.length <= 64 && /^[\w.-]+$/.test(text) && isSecretName(text);
}

const PAIRS = [
  ['name', 'value'],
  ['key', 'value'],
] as const;

/** `{ name: 'authorization', value: '…' }`, as header lists have it. */
function declaredSecret(value: object): string | undefined {
  if (!hasOwn(value, 'value')) return undefined;
  for (const [name, holder] of PAIRS) {
    const declared = ownValue(value, name);
    if (typeof declared === 'string' && namesSecret(declared)) return holder;
  }
  return undefined;
}
