/**
 * What the runtime offers. Node's built-ins are looked up when needed and never imported, so that the same file
 * loads in browsers and workers.
 */
import type * as http from 'node:http';
import type * as https from 'node:https';
import type * as zlib from 'node:zlib';
import type * as fs from 'node:fs';
import type * as os from 'node:os';
import type * as path from 'node:path';
import type * as crypto from 'node:crypto';
import type * as asyncHooks from 'node:async_hooks';
import type * as workerThreads from 'node:worker_threads';

type Builtins = {
  'node:http': typeof http;
  'node:https': typeof https;
  'node:zlib': typeof zlib;
  'node:fs': typeof fs;
  'node:os': typeof os;
  'node:path': typeof path;
  'node:crypto': typeof crypto;
  'node:async_hooks': typeof asyncHooks;
  'node:worker_threads': typeof workerThreads;
};

/** The process object of Node and the runtimes that imitate it. */
export const nodeProcess = (globalThis as { process?: NodeJS.Process }).process;

/** A built-in module of Node, or undefined where there is none. */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined {
  try {
    return nodeProcess?.getBuiltinModule?.(name) as Builtins[Name] | undefined;
  } catch {
    return undefined;
  }
}

/** A timer that does not keep the process alive. */
export function backgroundTimer(callback: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

/**
 * Whether a timer or request belongs to the request that is being served, and dies with it, as in Cloudflare's
 * workers: whatever is to arrive has to be sent within a flush that the request waits for.
 */
export function hasRequestBoundIo(): boolean {
  const { navigator } = globalThis as { navigator?: { userAgent?: unknown } };
  return navigator?.userAgent === 'Cloudflare-Workers';
}

/** Whether an uncaught error ends the process without the event `exit`, as in Deno. */
export function endsWithoutExitEvent(): boolean {
  return (globalThis as { Deno?: unknown }).Deno !== undefined;
}
