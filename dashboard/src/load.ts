// Loads an answer for a page: first load, reload in place, polling, and what went wrong.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from './api/problem';

export interface Loaded<T> {
  /** The newest good answer; it stays while the next one is under way. */
  data: T | undefined;
  /** Why the newest try failed. */
  problem: Problem | undefined;
  isLoading: boolean;
  reload: () => void;
}

interface Held<T> {
  key: string;
  data: T | undefined;
  problem: Problem | undefined;
  isLoading: boolean;
}

/**
 * Loads by `ask` whenever `key` changes, and every `everyMs` when that is given.
 * One request is under way at a time; a reload that comes meanwhile runs after it.
 */
export function useLoad<T>(key: string, ask: (signal: AbortSignal) => Promise<T>, everyMs?: number): Loaded<T> {
  const [held, setHeld] = useState<Held<T>>({ key, data: undefined, problem: undefined, isLoading: true });
  const latestAsk = useRef(ask);
  latestAsk.current = ask;
  const run = useRef<() => void>(() => undefined);

  useEffect(() => {
    const stop = new AbortController();
    let isBusy = false;
    let isWanted = false;
    const load = async (): Promise<void> => {
      if (isBusy) {
        isWanted = true;
        return;
      }
      isBusy = true;
      setHeld((was) => (was.key === key ? { ...was, isLoading: true } : { key, data: undefined, problem: undefined, isLoading: true }));
      try {
        const data = await latestAsk.current(stop.signal);
        if (!stop.signal.aborted) setHeld({ key, data, problem: undefined, isLoading: false });
      } catch (thrown) {
        if (!stop.signal.aborted) setHeld((was) => ({ ...was, problem: Problem.from(thrown), isLoading: false }));
      }
      isBusy = false;
      if (isWanted && !stop.signal.aborted) {
        isWanted = false;
        void load();
      }
    };
    run.current = () => void load();
    void load();
    const timer = everyMs === undefined ? undefined : setInterval(() => !document.hidden && void load(), everyMs);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [key, everyMs]);

  const reload = useCallback(() => run.current(), []);
  const isCurrent = held.key === key;
  return {
    data: isCurrent ? held.data : undefined,
    problem: isCurrent ? held.problem : undefined,
    isLoading: isCurrent ? held.isLoading : true,
    reload,
  };
}
