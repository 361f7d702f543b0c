/**
 * The file behind `--persist`: everything that came, line by line, each with its checksum.
 *
 * An append log, because the only embedded stores that install without compiling are a megabyte-sized download or
 * need a newer Node, and because appending is all that is needed: the store is in memory anyway. A process that is
 * killed while it writes leaves a line that its checksum does not fit, and that line only is lost.
 */
import { open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { describeError, SpanwiseError, warn } from '../diagnostics.js';
import type { Store, StoreRecord } from './store.js';

const HEADER = 'spanwise-journal 1\n';
const CHUNK_BYTES = 1024 * 1024;
/** The file is rewritten when it has grown this far beyond what is kept. */
const SLACK_BYTES = 64 * 1024 * 1024;

export interface JournalOptions {
  /** How far the file may grow beyond what is kept before it is rewritten, in bytes. @default 64 MiB */
  slackBytes?: number;
}

export class Journal {
  readonly #path: string;
  readonly #store: Store;
  readonly #slackBytes: number;
  #file: FileHandle;
  #pending: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #fileBytes = 0;
  #compactedBytes = 0;
  #failed = false;
  #isScheduled = false;

  private constructor(path: string, store: Store, file: FileHandle, slackBytes: number) {
    this.#path = path;
    this.#store = store;
    this.#file = file;
    this.#slackBytes = slackBytes;
  }

  /**
   * Opens a file, or makes it, and puts what it holds into the store; from then on the store's changes are kept.
   *
   * @throws `SpanwiseError` SPW_VIEWER if the file is not such a log, cannot be used, or is in use
   */
  static async open(path: string, store: Store, options: JournalOptions = {}): Promise<Journal> {
    await lock(path);
    try {
      const { length, lost } = await load(path, store);
      if (lost > 0) {
        warn('SPW_VIEWER', `${lost} damaged ${lost === 1 ? 'line' : 'lines'} of ${path} could not be read`);
      }
      const file = await open(path, 'a');
      await file.truncate(length);
      const journal = new Journal(path, store, file, options.slackBytes ?? SLACK_BYTES);
      journal.#fileBytes = length;
      journal.#compactedBytes = length;
      if (length === 0) journal.#append(HEADER);
      store.recordTo((record) => journal.#append(lineOf(record)));
      // What retention has forgotten, or updates have replaced, need not be read again the next time.
      if (lost > 0 || length > 2 * store.bytes + 1024 * 1024) await journal.#compact();
      return journal;
    } catch (error) {
      await rm(lockPath(path), { force: true });
      if (error instanceof SpanwiseError) throw error;
      throw new SpanwiseError('SPW_VIEWER', `the file ${path} cannot be used: ${describeError(error)}`);
    }
  }

  /** Resolves when everything so far is with the operating system, where a kill of this process cannot reach it. */
  kept(): Promise<void> {
    return this.#writing;
  }

  async close(): Promise<void> {
    this.#store.recordTo(undefined);
    await this.#writing;
    await this.#file.sync().catch(() => undefined);
    await this.#file.close().catch(() => undefined);
    await rm(lockPath(this.#path), { force: true });
  }

  #append(line: string): void {
    if (this.#failed) return;
    this.#pending.push(line);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#writing = this.#writing.then(async () => {
      this.#isScheduled = false;
      const text = this.#pending.join('');
      this.#pending = [];
      try {
        this.#fileBytes += await writeAll(this.#file, text);
        if (this.#fileBytes > this.#compactedBytes * 2 + this.#slackBytes) await this.#compact();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  /** Writes what is kept into a new file and puts it in the place of the old one. */
  async #compact(): Promise<void> {
    const path = `${this.#path}.new`;
    const file = await open(path, 'w', 0o600);
    let bytes = 0;
    try {
      let chunk = HEADER;
      // Taken at once: what changes during the writing comes after it, in the queue.
      for (const record of [...this.#store.records()]) {
        chunk += lineOf(record);
        if (chunk.length < CHUNK_BYTES) continue;
        bytes += await writeAll(file, chunk);
        chunk = '';
      }
      bytes += await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(path, this.#path);
    await this.#file.close();
    this.#file = await open(this.#path, 'a');
    this.#fileBytes = bytes;
    this.#compactedBytes = bytes;
  }

  /** Receiving goes on without the file: what is in memory is worth more than nothing. */
  #fail(error: unknown): void {
    this.#failed = true;
    this.#pending = [];
    this.#store.recordTo(undefined);
    warn('SPW_VIEWER', `nothing more is kept in ${this.#path}: ${describeError(error)}`);
  }
}

function lineOf(record: StoreRecord): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}

async function writeAll(file: FileHandle, text: string): Promise<number> {
  const bytes = Buffer.from(text);
  let at = 0;
  while (at < bytes.length) at += (await file.write(bytes, at)).bytesWritten;
  return bytes.length;
}

/** Replays a file; returns how much of it is whole, and how many lines in between were damaged. */
async function load(path: string, store: Store): Promise<{ length: number; lost: number }> {
  // Spans hold what users said: nobody else needs to read them.
  const file = await open(path, 'a+', 0o600);
  let rest: Buffer = Buffer.alloc(0);
  let length = 0;
  let lost = 0;
  let isFirst = true;
  try {
    for await (const chunk of file.createReadStream({
      autoClose: false,
      start: 0,
      highWaterMark: CHUNK_BYTES,
    })) {
      rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      let from = 0;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, from)) {
        const line = rest.toString('utf8', from, end);
        length += end + 1 - from;
        from = end + 1;
        if (isFirst) {
          isFirst = false;
          if (`${line}\n` !== HEADER) throw notOurs(path);
        } else if (!replay(line, store)) lost++;
      }
      rest = rest.subarray(from);
    }
  } finally {
    await file.close();
  }
  // A first line that was cut off is ours only if it is a part of the header.
  if (isFirst && rest.length > 0 && !HEADER.startsWith(rest.toString())) throw notOurs(path);
  return { length, lost };
}

function replay(line: string, store: Store): boolean {
  const json = line.slice(9);
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) return false;
  try {
    store.replay(JSON.parse(json) as StoreRecord);
    return true;
  } catch {
    return false;
  }
}

function notOurs(path: string): SpanwiseError {
  return new SpanwiseError('SPW_VIEWER', `${path} is not a file of the viewer; it is left as it is`);
}

const lockPath = (path: string) => `${path}.lock`;

/** Two viewers would write over each other; a lock that a killed one left is taken over. */
async function lock(path: string): Promise<void> {
  const folder = await stat(path).catch(() => undefined);
  if (folder?.isDirectory()) throw new SpanwiseError('SPW_VIEWER', `${path} is a folder`);
  for (let attempt = 0; ; attempt++) {
    try {
      const file = await open(lockPath(path), 'wx');
      await file.writeFile(String(process.pid));
      return await file.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 1) {
        throw new SpanwiseError('SPW_VIEWER', `the file ${path} cannot be used: ${describeError(error)}`);
      }
      const owner = Number(await readFile(lockPath(path), 'utf8').catch(() => ''));
      if (isAlive(owner)) {
        throw new SpanwiseError('SPW_VIEWER', `${path} is in use by another viewer (process ${owner})`);
      }
      await rm(lockPath(path), { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
