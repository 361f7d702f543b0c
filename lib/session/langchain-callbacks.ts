/**
 * The guard against LangChain's callbacks, which mix sessions: they run in one queue for the whole process, and so in
 * the context of whichever run filled it first. Instrumentations start their spans there.
 */
import { ENV_LANGCHAIN_BACKGROUND, LANGCHAIN_SCOPE } from '../conventions.js';
import { warn } from '../diagnostics.js';

const AWAITED = 'false';

/**
 * Makes LangChain await its callbacks, each in the context of its own run, as soon as an instrumentation of it asks
 * for a tracer. Callbacks look at the setting when they are made, so this holds for every run that starts later.
 *
 * @param scope the name that a tracer is asked for by
 * @returns whether that is LangChain's and the setting was changed just now
 */
export function awaitLangChainCallbacks(scope: string | undefined): boolean {
  if (scope === undefined || !LANGCHAIN_SCOPE.test(scope)) return false;
  const { env } = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process ?? {};
  const told = env?.[ENV_LANGCHAIN_BACKGROUND];
  if (told === AWAITED) return false;
  if (env === undefined || told !== undefined) {
    reportMixing(`${scope} makes its spans in callbacks that LangChain runs in the background`);
    return false;
  }
  env[ENV_LANGCHAIN_BACKGROUND] = AWAITED;
  return true;
}

/** A tracer that is first asked for by a callback comes too late for the runs that have begun. */
export function reportLateGuard(scope: string): void {
  reportMixing(`${scope} was connected by its first span, after runs of LangChain had begun`);
}

function reportMixing(what: string): void {
  warn(
    'SPW_CALLBACKS',
    `${what}, so spans land in other sessions; set ${ENV_LANGCHAIN_BACKGROUND}=${AWAITED} before the program starts, ` +
      'or pass the instrumentation to init',
  );
}
