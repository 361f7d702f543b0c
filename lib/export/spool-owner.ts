/**
 * Who owns a spool file: a lock file names the process, so that others leave its files alone while it lives, and
 * take them over when it does not.
 */
import { builtin, nodeProcess } from './platform.js';

/** A process elsewhere (another host or container on the same volume) counts as dead after this silence. */
const SILENCE_MS = 60_000;

interface Owner {
  readonly pid: number;
  /** When the process started, by the kernel's clock: a process id may be used again. */
  readonly start: string;
  /** Where the process id means something: host and process namespace. */
  readonly place: string;
}

function processStart(pid: number): string {
  try {
    const stat = builtin('node:fs')?.readFileSync(`/proc/${pid}/stat`, 'latin1') ?? '';
    // The command, in parentheses, may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function place(): string {
  let namespace = '';
  try {
    namespace = builtin('node:fs')?.readlinkSync('/proc/self/ns/pid') ?? '';
  } catch {
    // Not Linux.
  }
  return `${builtin('node:os')?.hostname() ?? ''}/${namespace}`;
}

/** The content of this process's lock files. */
export function ownLock(): string {
  const pid = nodeProcess?.pid ?? 0;
  return JSON.stringify({ pid, start: processStart(pid), place: place() } satisfies Owner);
}

/**
 * Whether the process that wrote a lock file lives.
 *
 * @param lock the file's content
 * @param touchedMs when it was last touched, in milliseconds since 1970
 */
export function isAlive(lock: string, touchedMs: number): boolean {
  let owner: Owner;
  try {
    owner = JSON.parse(lock) as Owner;
  } catch {
    // Being written at this moment, or damaged.
    return Date.now() - touchedMs < SILENCE_MS;
  }
  if (owner.place !== place()) return Date.now() - touchedMs < SILENCE_MS;
  try {
    nodeProcess?.kill(owner.pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
  const start = processStart(owner.pid);
  return start === '' || owner.start === '' || start === owner.start;
}
