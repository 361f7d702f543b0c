/**
 * The spool: spans on disk until the backend has confirmed them, so that a killed process loses none.
 *
 * A directory may be shared by processes and by pipelines: a file is named after its destination and its owner, and
 * who finds files of a dead owner takes them over by renaming them, which only one can do.
 */
import { describeError, warn } from '../diagnostics.js';
import { Batch } from './batch.js';
import { jsonEncoder } from './otlp-json.js';
import { protobufEncoder } from './otlp-protobuf.js';
import { backgroundTimer, builtin, nodeProcess } from './platform.js';
import type { Group, GroupHead } from './span-encoder.js';
import { readSpool, SpoolFile } from './spool-file.js';
import { isAlive, ownLock } from './spool-owner.js';
import { Ticket } from './ticket.js';

export interface SpoolOptions {
  /** None for a folder of the user's own in the temporary directory. */
  readonly directory: string | undefined;
  readonly maxBytes: number;
  /** What distinguishes the backend and the account from others. */
  readonly destination: string;
  readonly protocol: string;
  readonly headOf: (group: Group) => GroupHead;
}

/** How often the lock is touched, and files of dead owners are looked for. */
const ROUND_MS = 15_000;
/** After trouble with the disk it is left alone for this long. */
const SUSPENDED_MS = 30_000;
/** Files that nobody wanted for so long are deleted. */
const FORGOTTEN_MS = 7 * 24 * 3_600_000;
const FILE_NAME = /^([0-9a-f]{16})\.([0-9a-f]{16})\.(\d+)\.spool$/;

export class Spool {
  readonly #options: SpoolOptions;
  readonly #owner: string;
  readonly #destination: string;
  #directory: string | undefined;
  #next = 0;
  #used = 0;
  #suspendedUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** Files taken over from dead owners, not loaded yet. */
  readonly #found: string[] = [];
  /** Called when files were found. */
  onFound: () => void = () => {};

  constructor(options: SpoolOptions) {
    this.#options = options;
    const crypto = builtin('node:crypto');
    this.#owner = crypto?.randomBytes(8).toString('hex') ?? '';
    this.#destination =
      crypto?.createHash('sha256').update(options.destination).digest('hex').slice(0, 16) ?? '';
    this.#open();
  }

  /** How many found files wait to be loaded. */
  get found(): number {
    return this.#found.length;
  }

  /** A file for a new batch; undefined while the disk is full or in trouble. */
  #create(): SpoolFile | undefined {
    if (performance.now() < this.#suspendedUntil) return undefined;
    if (this.#directory === undefined && !this.#open()) return undefined;
    if (this.#used >= this.#options.maxBytes) {
      warn(
        'SPW_SPOOL',
        `the spool holds ${this.#used} bytes, which is its limit; new spans wait in memory only`,
        'full',
      );
      return undefined;
    }
    try {
      const { protocol, headOf } = this.#options;
      const file = new SpoolFile(this.#path(), protocol, headOf, (bytes) => (this.#used -= bytes));
      this.#used += file.bytes;
      return file;
    } catch (error) {
      this.#suspend(error);
      return undefined;
    }
  }

  /** Adds a span to its batch's file; trouble is reported and costs the file, not the span. */
  append(batch: Batch, record: Uint8Array, group: Group): void {
    if (batch.file?.complete === true) this.#append(batch.file, record, group);
  }

  #append(file: SpoolFile, record: Uint8Array, group: Group): void {
    if (!file.complete) return;
    const before = file.bytes;
    try {
      file.append(record, group);
    } catch (error) {
      this.#suspend(error);
    }
    this.#used += file.bytes - before;
  }

  /** A batch begins. */
  open(batch: Batch): void {
    const file = this.#create();
    if (file === undefined) return;
    batch.file = file;
    batch.ticket.onSettled = (ticket) => {
      file.keep = ticket.kept;
      file.remove();
    };
  }

  /** Makes sure that a batch that will not be sent any more is on disk. */
  keep(batch: Batch): boolean {
    if (batch.stored) return true;
    const file = this.#create();
    if (file === undefined) return false;
    for (const { record, group } of batch.records()) this.#append(file, record, group);
    file.close();
    return file.complete;
  }

  /** Brings back the bytes of a batch whose memory was given up; false if the disk lost them. */
  reload(batch: Batch): boolean {
    try {
      const path = batch.file?.path ?? '';
      const content = readSpool(builtin('node:fs')?.readFileSync(path) ?? new Uint8Array());
      if (content !== undefined && content.spans.length === batch.count) {
        batch.refill(content.spans.map(({ record }) => record));
        return true;
      }
    } catch {
      // Reported below.
    }
    warn('SPW_SPOOL', `${batch.count} spans were lost with a file of the spool`, 'lost');
    return false;
  }

  /** The next batch of a dead owner's; undefined if there is none. */
  async recover(): Promise<Batch | undefined> {
    const fs = builtin('node:fs');
    for (let path = this.#found.shift(); path !== undefined; path = this.#found.shift()) {
      try {
        const bytes = (await fs?.promises.readFile(path)) ?? new Uint8Array();
        const content = readSpool(bytes);
        if (content === undefined || !content.whole) {
          const rest = content === undefined ? 'nothing' : `${content.spans.length} spans`;
          warn('SPW_SPOOL', `a file of the spool is damaged or torn; ${rest} could be read of it`, 'damaged');
        }
        if (content !== undefined && content.spans.length > 0)
          return this.#batchOf(path, content, bytes.length);
        await fs?.promises.unlink(path);
      } catch (error) {
        warn('SPW_SPOOL', `a file of the spool cannot be read (${describeError(error)})`, 'unreadable');
      }
    }
    return undefined;
  }

  /** Takes over what dead owners left, from now on at intervals. */
  watch(): void {
    this.#round();
  }

  /** Releases the lock: what is left belongs to whoever comes next. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    try {
      if (this.#directory !== undefined) builtin('node:fs')?.unlinkSync(this.#lockPath(this.#owner));
    } catch {
      // Someone cleaned up.
    }
  }

  #batchOf(path: string, content: NonNullable<ReturnType<typeof readSpool>>, bytes: number): Batch {
    const encoder = content.protocol === jsonEncoder.protocol ? jsonEncoder : protobufEncoder;
    const batch = new Batch(encoder, new Ticket());
    for (const { record, group } of content.spans) batch.append(record, group);
    batch.seal();
    batch.recovered = true;
    batch.ticket.onSettled = (ticket) => {
      if (ticket.kept) return;
      this.#used -= bytes;
      try {
        builtin('node:fs')?.unlinkSync(path);
      } catch {
        // Someone cleaned up.
      }
    };
    return batch;
  }

  #path(): string {
    const name = `${this.#destination}.${this.#owner}.${this.#next++}.spool`;
    return builtin('node:path')?.join(this.#directory ?? '', name) ?? name;
  }

  #lockPath(owner: string): string {
    return builtin('node:path')?.join(this.#directory ?? '', `${owner}.lock`) ?? '';
  }

  #open(): boolean {
    const [fs, os, path] = [builtin('node:fs'), builtin('node:os'), builtin('node:path')];
    if (fs === undefined || os === undefined || path === undefined) {
      warn('SPW_SPOOL', 'this runtime has no file system; spans wait in memory only');
      this.#suspendedUntil = Infinity;
      return false;
    }
    try {
      const user = nodeProcess?.getuid?.() ?? os.userInfo().username;
      const directory = this.#options.directory ?? path.join(os.tmpdir(), `spanwise-spool-${user}`);
      fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
      const found = fs.lstatSync(directory);
      // In a shared temporary directory someone else could have made it, and would read the spans.
      if (
        this.#options.directory === undefined &&
        (!found.isDirectory() || (nodeProcess?.getuid !== undefined && found.uid !== user))
      ) {
        throw new Error(`${directory} belongs to someone else`);
      }
      this.#directory = directory;
      fs.writeFileSync(this.#lockPath(this.#owner), ownLock(), { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      this.#directory = undefined;
      this.#suspend(error);
      return false;
    }
  }

  #suspend(error: unknown): void {
    this.#suspendedUntil = performance.now() + SUSPENDED_MS;
    warn(
      'SPW_SPOOL',
      `the spool cannot be written (${describeError(error)}); spans wait in memory only`,
      'write',
    );
  }

  #round(): void {
    if (this.#closed) return;
    this.#timer = backgroundTimer(() => this.#round(), ROUND_MS);
    const fs = builtin('node:fs');
    if (this.#directory === undefined || fs === undefined) return;
    try {
      const now = new Date();
      fs.utimesSync(this.#lockPath(this.#owner), now, now);
    } catch {
      // Someone cleaned up.
    }
    try {
      this.#adopt();
    } catch (error) {
      warn('SPW_SPOOL', `the spool cannot be read (${describeError(error)})`, 'read');
    }
    if (this.#found.length > 0) this.onFound();
  }

  /** Looks at all files: counts what they take, and renames those of dead owners into ours. */
  #adopt(): void {
    const [fs, path] = [builtin('node:fs'), builtin('node:path')];
    const directory = this.#directory;
    if (fs === undefined || path === undefined || directory === undefined) return;
    const living = new Map<string, boolean>([[this.#owner, true]]);
    let used = 0;
    for (const name of fs.readdirSync(directory).sort()) {
      const [, destination, owner] = FILE_NAME.exec(name) ?? [];
      if (destination === undefined || owner === undefined) continue;
      const file = path.join(directory, name);
      try {
        const { size, mtimeMs } = fs.statSync(file);
        used += size;
        if (!living.has(owner)) living.set(owner, this.#lives(owner));
        if (living.get(owner) === true) continue;
        if (destination === this.#destination) {
          const own = this.#path();
          fs.renameSync(file, own);
          this.#found.push(own);
        } else if (Date.now() - mtimeMs > FORGOTTEN_MS) {
          fs.unlinkSync(file);
          warn('SPW_SPOOL', 'a file of the spool that nobody sent for a week was deleted', 'forgotten');
        }
      } catch {
        // Another process was faster.
      }
    }
    this.#used = used;
    for (const [owner, lives] of living) {
      if (!lives) fs.rmSync(this.#lockPath(owner), { force: true });
    }
  }

  #lives(owner: string): boolean {
    const fs = builtin('node:fs');
    try {
      const lock = this.#lockPath(owner);
      const { mtimeMs } = fs?.statSync(lock) ?? { mtimeMs: 0 };
      return isAlive(fs?.readFileSync(lock, 'utf8') ?? '', mtimeMs);
    } catch {
      // Owners write their lock before anything else and delete it last.
      return false;
    }
  }
}
