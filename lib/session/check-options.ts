/**
 * The options of `init` as JavaScript may give them: what is no value of its option is reported and passed over.
 *
 * Each option is read once and copied, so that whatever comes later finds what its type says. Where a default would
 * trust, send or record more than a bad value may have meant to, the strictest value stands in for it.
 */
import { describeError, warn } from '../diagnostics.js';
import { reportUnknownFields } from '../span/payload.js';

type Known = Readonly<Record<string, unknown>>;

/** How an option's value is read. */
interface Kind {
  /** What it takes, in a few words. */
  readonly takes: string;
  /** The value as it is used, or undefined if it is none. */
  readonly read: (value: unknown, option: string) => unknown;
  /** What is used for a bad one, where that is not its default. */
  readonly instead?: unknown;
}

const isObject = (value: unknown): value is Known => typeof value === 'object' && value !== null;
const isString = (value: unknown): value is string => typeof value === 'string';
const isFunction = (value: unknown): boolean => typeof value === 'function';

const TEXT: Kind = { takes: 'a string', read: (value) => (isString(value) ? value : undefined) };
const FLAG: Kind = {
  takes: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
};
const ANYTHING: Kind = { takes: 'anything', read: (value) => value };

function oneOf(...allowed: unknown[]): Kind {
  return {
    takes: `one of ${allowed.join(', ')}`,
    read: (value) => (allowed.includes(value) ? value : undefined),
  };
}

/** An object of someone's class, which is passed on as it is. */
function having(...methods: string[]): Kind {
  return {
    takes: `an object with ${methods.join(', ')}`,
    read: (value) =>
      isObject(value) && methods.every((method) => isFunction(value[method])) ? value : undefined,
  };
}

/** An object whose fields are read and copied by their kinds. */
function record(kinds: Readonly<Record<string, Kind>>, every?: Kind): Kind {
  return {
    takes: 'an object',
    read: (value, option) => {
      if (!isObject(value) || Array.isArray(value)) return undefined;
      // Without a prototype, so that no name means anything.
      const copy = Object.create(null) as Record<string, unknown>;
      for (const name of every === undefined ? Object.keys(kinds) : Object.keys(value)) {
        const found = readOption(value, name, every ?? (kinds[name] as Kind), `${option}.${name}`);
        if (found !== undefined) copy[name] = found;
      }
      return copy;
    },
  };
}

function listOf(item: Kind, instead?: unknown): Kind {
  return {
    takes: `a list of ${item.takes}`,
    instead,
    read: (value, option) =>
      Array.isArray(value)
        ? Array.from(value, (_, index) => readOption(value, index, item, `${option}[${index}]`)).filter(
            (found) => found !== undefined,
          )
        : undefined,
  };
}

const TEXTS = listOf(TEXT);
const PLAIN: Kind = {
  takes: 'a string, number or boolean',
  read: (value) =>
    isString(value) || typeof value === 'number' || typeof value === 'boolean' ? value : undefined,
};
const VALUES = record({}, ANYTHING);
const LIMIT: Kind = {
  takes: 'a number of at least 0',
  read: (value) => (typeof value === 'number' && value >= 0 ? value : undefined),
};

/** Every option of `init`. */
export const OPTION_KINDS = {
  name: TEXT,
  project: TEXT,
  source: TEXT,
  // It has a diagnostic of its own.
  sessionId: ANYTHING,
  sessionName: TEXT,
  apiKey: TEXT,
  serverUrl: TEXT,
  endpoint: TEXT,
  headers: record({}, TEXT),
  protocol: TEXT,
  exporter: having('export'),
  spanProcessors: listOf(having('onStart', 'onEnd')),
  provider: having('getTracer'),
  engine: oneOf('sdk', 'spanwise'),
  resource: { takes: 'an object of attributes', read: (value) => (isObject(value) ? value : undefined) },
  sampler: having('shouldSample'),
  spanLimits: record({}, LIMIT),
  instrumentations: listOf(having('setTracerProvider', 'enable')),
  propagators: listOf({
    takes: 'names and propagators',
    read: (value) => (isString(value) ? value : having('inject', 'extract').read(value, '')),
  }),
  exportMode: oneOf('batch', 'immediate'),
  spool: {
    takes: 'a boolean or a directory',
    read: (value) => (typeof value === 'boolean' || isString(value) || isObject(value) ? value : undefined),
  },
  global: oneOf('auto', true, false),
  testMode: { ...FLAG, instead: true },
  capture: {
    takes: 'a boolean or { inputs, outputs }',
    read: (value, option) =>
      typeof value === 'boolean' ? value : record({ inputs: FLAG, outputs: FLAG }).read(value, option),
  },
  // The redactor says itself what it cannot use, and withholds the usual secrets then.
  redact: ANYTHING,
  baggageAttributes: TEXTS,
  identityKeys: record({ session: TEXTS, project: TEXTS, source: TEXTS }),
  trust: { ...oneOf('continue', 'link', 'restart'), instead: 'restart' },
  propagateTo: listOf(
    {
      takes: 'hosts and expressions',
      read: (value) => (isString(value) || value instanceof RegExp ? value : undefined),
    },
    [],
  ),
  conventions: oneOf('honeyhive', 'otel'),
  newSession: FLAG,
  inputs: VALUES,
  metadata: VALUES,
  userProperties: VALUES,
  runId: TEXT,
  datasetId: TEXT,
  datapointId: TEXT,
  experiment: record({ id: PLAIN, name: PLAIN, variant: PLAIN, group: PLAIN, metadata: VALUES }),
  skipBackendSessionCreation: FLAG,
  // Malformed ones are reported where they are read.
  spanNameFilters: ANYTHING,
} satisfies Readonly<Record<string, Kind>>;

function readOption(from: object, name: PropertyKey, kind: Kind, option: string): unknown {
  let why = 'is not';
  try {
    // What someone has put on the prototype of all objects is no option of anyone's.
    if (name in Object.prototype && !Object.hasOwn(from, name)) return undefined;
    const value = (from as Record<PropertyKey, unknown>)[name];
    if (value === undefined || value === null) return undefined;
    const found = kind.read(value, option);
    if (found !== undefined) return found;
  } catch (error) {
    // A getter, or a Proxy.
    why = `could not be read (${describeError(error)}) and is not`;
  }
  const used = kind.instead === undefined ? 'it is passed over' : `${JSON.stringify(kind.instead)} is used`;
  warn('SPW_OPTION', `${option} ${why} ${kind.takes}; ${used}`, option);
  return kind.instead;
}

/**
 * Reads what was given to `init`.
 *
 * @param given anything
 * @param kinds what the options take, by their names
 * @returns options of which each that is there is usable
 */
export function checkOptions(
  given: unknown,
  kinds: Readonly<Record<string, Kind>> = OPTION_KINDS,
): Readonly<Record<string, unknown>> {
  const options = Object.create(null) as Record<string, unknown>;
  if (given === undefined || given === null) return options;
  if (!isObject(given)) {
    warn('SPW_OPTION', `init takes an object of options, not a ${typeof given}; none is used`, 'init');
    return options;
  }
  try {
    reportUnknownFields(given, new Set(Object.keys(kinds)), 'SessionTracer.init');
  } catch {
    // A Proxy that does not say what it has may still answer.
  }
  for (const name of Object.keys(kinds)) {
    const value = readOption(given, name, kinds[name] as Kind, name);
    if (value !== undefined) options[name] = value;
  }
  return options;
}
