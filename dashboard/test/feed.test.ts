// The live feed reconnects where it stood, and says how it stands.
import { describe, expect, it } from 'vitest';
import type { Stream, StreamEvents } from '../src/live/event-stream';
import { LiveFeed, type LiveState } from '../src/live/feed';
import { throttle } from '../src/live/throttle';

class FakeStream implements Stream {
  isClosed = false;

  constructor(readonly after: number | undefined, readonly events: StreamEvents) {}

  close(): void {
    this.isClosed = true;
  }

  open(): void {
    this.events.onOpen();
  }

  end(): void {
    this.events.onEnd();
  }

  send(data: string): void {
    this.events.onChange(data);
  }
}

function setUp() {
  const streams: FakeStream[] = [];
  const waits: number[] = [];
  const pending = new Map<number, { ms: number; act: () => void }>();
  const feed = new LiveFeed({
    open: (after, events) => {
      const stream = new FakeStream(after, events);
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

  it('stays live when the stream is back at once, as after a planned end', () => {
    const { streams, states, last, passTime } = setUp();
    last().open();
    last().end();
    passTime();
    last().open();
    passTime();
    expect(states).toEqual(['live']);
    expect(streams).toHaveLength(2);
  });

  it('is called reconnecting when the stream is not back soon, and live again with it', () => {
    const { states, last, passTime } = setUp();
    last().open();
    for (let nTimes = 0; nTimes < 2; nTimes += 1) {
      last().end();
      passTime();
    }
    last().end();
    passTime();
    passTime();
    last().open();
    expect(states).toEqual(['live', 'reconnecting', 'live']);
  });

  it('goes on after the newest change, and loses and doubles none', () => {
    const { streams, seqs, last, passTime } = setUp();
    last().open();
    last().send(row(40));
    last().send(row(41));
    last().end();
    passTime();
    expect(streams[0]?.isClosed).toBe(true);
    expect(last().after).toBe(41);
    last().open();
    last().send(row(41));
    last().send(row(42));
    streams[0]?.send(row(43));
    expect(seqs).toEqual([40, 41, 42]);
  });

  it('gap without a change to go on from is told, so that pages read anew', () => {
    const { feed, last, passTime } = setUp();
    let nGaps = 0;
    feed.onGap(() => { nGaps += 1; });
    last().open();
    expect(nGaps).toBe(0);
    last().end();
    passTime();
    last().open();
    expect(nGaps).toBe(1);
    last().send(row(1));
    last().end();
    passTime();
    last().open();
    expect(nGaps).toBe(1);
  });

  it('waits longer each time up to a limit, and calls itself offline after a few', () => {
    const { states, waits, last, passTime } = setUp();
    for (let nTries = 0; nTries < 7; nTries += 1) {
      last().end();
      passTime();
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    expect(states).toEqual(['reconnecting', 'offline']);
  });

  it('first success forgets the failures before', () => {
    const { waits, last, passTime } = setUp();
    last().end();
    passTime();
    last().end();
    passTime();
    last().open();
    last().end();
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
    streams[0]?.end();
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
