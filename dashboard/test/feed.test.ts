// The live feed reconnects where it stood, and says how it stands.
import { describe, expect, it } from 'vitest';
import { LiveFeed, type LiveState, type Stream } from '../src/live/feed';
import { throttle } from '../src/live/throttle';

class FakeStream implements Stream {
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  isClosed = false;
  #listener: ((event: MessageEvent<string>) => void) | undefined;

  constructor(readonly address: string) {}

  addEventListener(_kind: string, listener: (event: MessageEvent<string>) => void): void {
    this.#listener = listener;
  }

  close(): void {
    this.isClosed = true;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.(new Event('open'));
  }

  fail(readyState: number): void {
    this.readyState = readyState;
    this.onerror?.(new Event('error'));
  }

  send(data: string): void {
    this.#listener?.(new MessageEvent('change', { data }));
  }
}

function setUp() {
  const streams: FakeStream[] = [];
  const waits: number[] = [];
  const pending = new Map<number, { ms: number; act: () => void }>();
  const feed = new LiveFeed({
    address: (seq) => `/v1/changes${seq === undefined ? '' : `?after=${seq}`}`,
    open: (address) => {
      const stream = new FakeStream(address);
      streams.push(stream);
      return stream;
    },
    timers: {
      after: (ms, act) => {
        waits.push(ms);
        pending.set(waits.length, { ms, act });
        return waits.length;
      },
      cancel: (timer) => pending.delete(timer as number),
    },
  });
  const states: LiveState[] = [];
  const seqs: number[] = [];
  feed.onState((state) => states.push(state));
  feed.onChange((change) => seqs.push(change.seq));
  feed.start();
  const last = (): FakeStream => streams.at(-1) as FakeStream;
  /** Runs the timer that is due first. */
  const passTime = (): void => {
    const [due] = [...pending].sort(([, a], [, b]) => a.ms - b.ms);
    if (due === undefined) return;
    pending.delete(due[0]);
    due[1].act();
  };
  return { feed, streams, states, seqs, waits, last, passTime };
}

const row = (seq: number): string => JSON.stringify({ seq, entity_id: `case ${seq}` });

describe('live feed', () => {
  it('is live once open and hands on each change once', () => {
    const { states, seqs, last, feed } = setUp();
    last().open();
    for (const text of [row(1), row(2), row(2), row(1), 'not json', '{}', row(3)]) last().send(text);
    expect(states).toEqual(['live']);
    expect(seqs).toEqual([1, 2, 3]);
    expect(feed.recent.map((it) => it.seq)).toEqual([3, 2, 1]);
  });

  it('leaves a dropped connection to the browser, and is live again with it', () => {
    const { streams, states, last, passTime } = setUp();
    last().open();
    last().fail(0);
    passTime();
    last().open();
    expect(states).toEqual(['live', 'reconnecting', 'live']);
    expect(streams).toHaveLength(1);
  });

  it('stays live when the stream is back at once, as after a planned end', () => {
    const { states, last, passTime } = setUp();
    last().open();
    last().fail(0);
    last().open();
    passTime();
    expect(states).toEqual(['live']);
  });

  it('opens a new stream after the newest change when the browser gave up', () => {
    const { streams, last, passTime } = setUp();
    last().open();
    last().send(row(41));
    last().fail(2);
    passTime();
    expect(streams[0]?.isClosed).toBe(true);
    expect(last().address).toBe('/v1/changes?after=41');
  });

  it('waits longer each time up to a limit, and calls itself offline after a few', () => {
    const { states, waits, last, passTime } = setUp();
    for (let nTries = 0; nTries < 7; nTries += 1) {
      last().fail(2);
      passTime();
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    expect(states).toEqual(['reconnecting', 'offline']);
  });

  it('first success forgets the failures before', () => {
    const { waits, last, passTime } = setUp();
    last().fail(2);
    passTime();
    last().fail(2);
    passTime();
    last().open();
    last().fail(2);
    expect(waits.filter((ms) => ms !== 4_000)).toEqual([1_000, 2_000, 1_000]);
  });

  it('network that is back is tried at once', () => {
    const { feed, streams, states, last } = setUp();
    last().open();
    feed.networkLost();
    feed.retryNow();
    last().open();
    expect(streams).toHaveLength(2);
    expect(states).toEqual(['live', 'offline', 'live']);
  });

  it('late failure of a stream that was replaced changes nothing', () => {
    const { feed, streams, states } = setUp();
    feed.start();
    streams[0]?.fail(2);
    streams[1]?.open();
    expect(states).toEqual(['live']);
  });
});

describe('throttle', () => {
  it('runs at once, then at most once in the while', async () => {
    let nRuns = 0;
    const call = throttle(30, () => { nRuns += 1; });
    for (let at = 0; at < 10; at += 1) call();
    expect(nRuns).toBe(1);
    await expect.poll(() => nRuns).toBe(2);
    call.cancel();
  });
});
