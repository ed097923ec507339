// The change stream over `fetch`: events of any cut, the place to go on from, tokens, silence.
import { describe, expect, it, vi } from 'vitest';
import { EventParser, streamsAt, type StreamEvents } from '../src/live/event-stream';

/** A server whose streams are written by hand. */
function serverWith(refused: readonly string[] = []) {
  const asked: Record<string, string>[] = [];
  const writers: ReadableStreamDefaultController<Uint8Array>[] = [];
  const fetcher = async (_: string, init: RequestInit): Promise<Response> => {
    const headers = init.headers as Record<string, string>;
    asked.push(headers);
    if (refused.includes(headers['authorization'] ?? '')) return new Response('{}', { status: 401 });
    const body = new ReadableStream<Uint8Array>({ start: (writer) => void writers.push(writer) });
    init.signal?.addEventListener('abort', () => {
      try {
        writers.at(-1)?.error(new DOMException('stopped', 'AbortError'));
      } catch {
        // It was closed before.
      }
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
  const write = (text: string): void => writers.at(-1)?.enqueue(new TextEncoder().encode(text));
  return { asked, writers, fetcher, write };
}

const holder = (first = 'a-1', other: string | undefined = 'a-2') => ({ token: async () => first, replace: vi.fn(async () => other) });

function listen() {
  const seen: string[] = [];
  const events: StreamEvents = { onOpen: () => seen.push('open'), onChange: (data) => seen.push(data), onEnd: () => seen.push('end') };
  return { seen, events };
}

describe('event stream', () => {
  it('carries the token and the place to go on from in headers, never in the address', async () => {
    const { fetcher, asked, write, writers } = serverWith();
    const { seen, events } = listen();
    streamsAt('/v1/changes', holder(), fetcher)(41, events);
    await vi.waitFor(() => expect(seen).toEqual(['open']));
    expect(asked[0]).toMatchObject({ authorization: 'Bearer a-1', 'last-event-id': '41' });
    write('retry: 2000\n: connected\n\nevent: change\nid: 42\ndata: {"seq":42}\n\n');
    await vi.waitFor(() => expect(seen).toEqual(['open', '{"seq":42}']));
    writers[0]?.close();
    await vi.waitFor(() => expect(seen.at(-1)).toBe('end'));
  });

  it('token that ended is replaced once, and the stream goes on at the same place', async () => {
    const { fetcher, asked } = serverWith(['Bearer a-1']);
    const session = holder();
    const { seen, events } = listen();
    streamsAt('/v1/changes', session, fetcher)(7, events);
    await vi.waitFor(() => expect(seen).toEqual(['open']));
    expect(session.replace).toHaveBeenCalledExactlyOnceWith('a-1');
    expect(asked.map((it) => [it['authorization'], it['last-event-id']])).toEqual([['Bearer a-1', '7'], ['Bearer a-2', '7']]);
  });

  it('stream that is refused for good ends without being called open', async () => {
    const { fetcher } = serverWith(['Bearer a-1', 'Bearer a-2']);
    const { seen, events } = listen();
    streamsAt('/v1/changes', holder(), fetcher)(undefined, events);
    await vi.waitFor(() => expect(seen).toEqual(['end']));
  });

  it('server that falls silent counts as gone', async () => {
    const { fetcher } = serverWith();
    const { seen, events } = listen();
    streamsAt('/v1/changes', holder(), fetcher, 40)(undefined, events);
    await vi.waitFor(() => expect(seen).toEqual(['open', 'end']));
  });

  it('closed stream tells nothing more', async () => {
    const { fetcher, write } = serverWith();
    const { seen, events } = listen();
    const stream = streamsAt('/v1/changes', holder(), fetcher)(undefined, events);
    await vi.waitFor(() => expect(seen).toEqual(['open']));
    stream.close();
    try {
      write('data: late\n\n');
    } catch {
      // The stream is gone.
    }
    await new Promise((done) => setTimeout(done, 20));
    expect(seen).toEqual(['open']);
  });
});

describe('parser', () => {
  it('reads the same events wherever the text is cut', () => {
    const text = ': hello\r\n\r\nevent: change\r\nid: 1\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata:plain\n\nevent: none\n\n';
    for (let cut = 0; cut <= text.length; cut += 1) {
      const seen: [string, string][] = [];
      const parser = new EventParser((kind, data) => void seen.push([kind, data]));
      parser.take(text.slice(0, cut));
      parser.take(text.slice(cut));
      expect(seen).toEqual([['change', '{"a":\n1}'], ['message', 'plain']]);
    }
  });

  it('event that is cut off is not told', () => {
    const seen: string[] = [];
    new EventParser((_, data) => void seen.push(data)).take('data: whole\n\ndata: half');
    expect(seen).toEqual(['whole']);
  });
});
