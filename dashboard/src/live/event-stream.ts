// Reads server-sent events by `fetch`, which can carry a token, as `EventSource` cannot.
import type { Session } from '../auth/session';

export interface StreamEvents {
  onOpen: () => void;
  onChange: (data: string) => void;
  /** Told once, however the stream ended; not after `close`. */
  onEnd: () => void;
}

export interface Stream {
  close(): void;
}

/** Opens the stream after change `after`, or from now on. */
export type OpenStream = (after: number | undefined, events: StreamEvents) => Stream;

type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** The server says something every 15 seconds; one that is silent for three times that long is gone. */
const SILENT_FOR_MS = 45_000;

/** Returns a way to open streams at `address` with the tokens of `session`. */
export function streamsAt(
  address: string,
  session: Pick<Session, 'token' | 'replace'>,
  fetcher: Fetch = (input, init) => fetch(input, init),
  silentForMs = SILENT_FOR_MS,
): OpenStream {
  return (after, events) => {
    const stop = new AbortController();
    let silence: ReturnType<typeof setTimeout> | undefined;
    const hear = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort('silent'), silentForMs);
    };
    let isClosed = false;
    const follow = async (): Promise<void> => {
      hear();
      const response = await openSignedIn(after, stop.signal);
      if (!response.ok || response.body === null) {
        await response.body?.cancel();
        return;
      }
      if (isClosed) return;
      events.onOpen();
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      const parser = new EventParser((kind, data) => kind === 'change' && events.onChange(data));
      for (;;) {
        const { done, value } = await reader.read();
        if (done || isClosed) return;
        hear();
        parser.take(decoder.decode(value, { stream: true }));
      }
    };
    const openSignedIn = async (seq: number | undefined, signal: AbortSignal): Promise<Response> => {
      const token = await session.token();
      const first = await ask(token, seq, signal);
      if (first.status !== 401) return first;
      const other = await session.replace(token);
      return other === undefined ? first : ask(other, seq, signal);
    };
    const ask = (token: string, seq: number | undefined, signal: AbortSignal): Promise<Response> => {
      const headers: Record<string, string> = { accept: 'text/event-stream', authorization: `Bearer ${token}` };
      if (seq !== undefined) headers['last-event-id'] = String(seq);
      return fetcher(address, { headers, signal, cache: 'no-store' });
    };
    follow().catch(() => undefined).finally(() => {
      clearTimeout(silence);
      if (!isClosed) events.onEnd();
    });
    return {
      close: () => {
        isClosed = true;
        clearTimeout(silence);
        stop.abort();
      },
    };
  };
}

/** Takes the text of an event stream in pieces of any size. Source: the HTML standard, 9.2.6. */
export class EventParser {
  readonly #onEvent: (kind: string, data: string) => void;
  #left = '';
  #kind = '';
  #data: string[] = [];

  constructor(onEvent: (kind: string, data: string) => void) {
    this.#onEvent = onEvent;
  }

  take(text: string): void {
    const lines = (this.#left + text).split(/\r\n|\n|\r(?=[^\n])/);
    this.#left = lines.pop() ?? '';
    for (const line of lines) this.#takeLine(line);
  }

  #takeLine(line: string): void {
    if (line === '') {
      if (this.#data.length > 0) this.#onEvent(this.#kind === '' ? 'message' : this.#kind, this.#data.join('\n'));
      this.#kind = '';
      this.#data = [];
      return;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#kind = value;
    if (name === 'data') this.#data.push(value);
  }
}
