// Follows the change stream: keeps it open, knows whether it is, and hands each change on once.
import { isObject } from '../api/problem';
import type { ChangeRow } from '../api/types';
import type { OpenStream, Stream } from './event-stream';

export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'offline';

export interface Timers {
  after(ms: number, act: () => void): unknown;
  cancel(timer: unknown): void;
}

export interface FeedParts {
  open: OpenStream;
  timers?: Timers;
}

/** So many of the newest changes are kept for lists. */
const N_RECENT = 40;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
/** A server ends streams now and then on purpose; one that is back this soon was never away. */
const GRACE_MS = 4_000;
/** So many tries in vain, and the state is called offline. */
const TRIES_UNTIL_OFFLINE = 4;

const browserTimers: Timers = {
  after: (ms, act) => setTimeout(act, ms),
  cancel: (timer) => clearTimeout(timer as number),
};

export class LiveFeed {
  readonly #parts: Required<FeedParts>;
  readonly #onChange = new Set<(change: ChangeRow) => void>();
  readonly #onState = new Set<(state: LiveState) => void>();
  readonly #onGap = new Set<() => void>();
  #stream: Stream | undefined;
  #timer: unknown;
  #grace: unknown;
  #state: LiveState = 'connecting';
  #newest: number | undefined;
  #recent: readonly ChangeRow[] = [];
  #nTries = 0;
  #wasOpen = false;

  constructor(parts: FeedParts) {
    this.#parts = { timers: browserTimers, ...parts };
  }

  get state(): LiveState {
    return this.#state;
  }

  /** The newest changes since the page was opened, the newest first. */
  get recent(): readonly ChangeRow[] {
    return this.#recent;
  }

  /** Opens the stream after the newest change that is known. */
  start(): void {
    this.stop();
    const stream: Stream = this.#parts.open(this.#newest, {
      onOpen: () => stream === this.#stream && this.#opened(),
      onChange: (data) => stream === this.#stream && this.#take(data),
      onEnd: () => stream === this.#stream && this.#ended(),
    });
    this.#stream = stream;
  }

  /** Closes the stream, and opens none until it is started again. */
  stop(): void {
    if (this.#timer !== undefined) this.#parts.timers.cancel(this.#timer);
    this.#timer = undefined;
    this.#stream?.close();
    this.#stream = undefined;
  }

  /** Tries at once: the network is back. */
  retryNow(): void {
    if (this.#state === 'live') return;
    this.start();
  }

  /** Says that the network is gone. */
  networkLost(): void {
    this.#become('offline');
  }

  onChange(listener: (change: ChangeRow) => void): () => void {
    this.#onChange.add(listener);
    return () => this.#onChange.delete(listener);
  }

  /** Tells when changes may have been missed that the stream cannot bring again. */
  onGap(listener: () => void): () => void {
    this.#onGap.add(listener);
    return () => this.#onGap.delete(listener);
  }

  onState(listener: (state: LiveState) => void): () => void {
    this.#onState.add(listener);
    return () => this.#onState.delete(listener);
  }

  #opened(): void {
    this.#nTries = 0;
    this.#endGrace();
    this.#become('live');
    // Without a change so far there is no place to go on from: what came meanwhile has to be read anew.
    if (this.#wasOpen && this.#newest === undefined) for (const listener of this.#onGap) listener();
    this.#wasOpen = true;
  }

  #ended(): void {
    this.#nTries += 1;
    if (this.#nTries >= TRIES_UNTIL_OFFLINE) this.#become('offline');
    else if (this.#state === 'live') this.#grace ??= this.#parts.timers.after(GRACE_MS, () => this.#become('reconnecting'));
    else if (this.#state === 'connecting') this.#become('reconnecting');
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (this.#nTries - 1), LONGEST_WAIT_MS);
    this.stop();
    this.#timer = this.#parts.timers.after(wait, () => this.start());
  }

  #take(text: string): void {
    const change = readChange(text);
    if (change === undefined) return;
    if (this.#newest !== undefined && change.seq <= this.#newest) return;
    this.#newest = change.seq;
    this.#recent = [change, ...this.#recent.slice(0, N_RECENT - 1)];
    for (const listener of this.#onChange) listener(change);
  }

  #endGrace(): void {
    if (this.#grace !== undefined) this.#parts.timers.cancel(this.#grace);
    this.#grace = undefined;
  }

  #become(state: LiveState): void {
    if (state !== 'live') this.#endGrace();
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#onState) listener(state);
  }
}

function readChange(text: string): ChangeRow | undefined {
  try {
    const row: unknown = JSON.parse(text);
    return isObject(row) && typeof row['seq'] === 'number' ? (row as unknown as ChangeRow) : undefined;
  } catch {
    return undefined;
  }
}
