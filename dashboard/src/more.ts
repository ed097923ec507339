// Loads a list page after page: the first by `useLoad`, the further ones when asked for.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from './api/problem';
import { useLoad, type Loaded } from './load';

/** A page of a list, and where the next one begins. */
export interface Chunk<T, C> {
  items: readonly T[];
  next: C | null;
}

export interface Paged<T> {
  first: Loaded<unknown>;
  /** What is loaded so far; nothing until the first page is there. */
  items: readonly T[] | undefined;
  hasMore: boolean;
  isLoadingMore: boolean;
  moreProblem: Problem | undefined;
  loadMore: () => void;
}

interface Rest<T, C> {
  of: unknown;
  chunks: readonly Chunk<T, C>[];
  isLoading: boolean;
  problem: Problem | undefined;
}

/** Follows a list; `onMore` is told how many came with a further page. */
export function usePaged<T, C>(
  key: string,
  ask: (cursor: C | undefined, signal: AbortSignal) => Promise<Chunk<T, C>>,
  onMore: (n: number) => void,
): Paged<T> {
  const first = useLoad(key, (signal) => ask(undefined, signal));
  const [rest, setRest] = useState<Rest<T, C>>({ of: undefined, chunks: [], isLoading: false, problem: undefined });
  const stop = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => stop.current?.abort(), [first.data]);

  // Further pages belong to the first page they followed; a new first page drops them.
  const mine: Rest<T, C> = rest.of === first.data ? rest : { of: first.data, chunks: [], isLoading: false, problem: undefined };
  const chunks = first.data === undefined ? [] : [first.data, ...mine.chunks];
  const next = chunks.at(-1)?.next ?? null;

  const loadMore = (): void => {
    if (next === null || mine.isLoading) return;
    const control = new AbortController();
    stop.current = control;
    setRest({ ...mine, isLoading: true, problem: undefined });
    ask(next, control.signal).then(
      (chunk) => {
        if (control.signal.aborted) return;
        setRest({ ...mine, chunks: [...mine.chunks, chunk], isLoading: false, problem: undefined });
        onMore(chunk.items.length);
      },
      (thrown: unknown) => {
        if (!control.signal.aborted) setRest({ ...mine, isLoading: false, problem: Problem.from(thrown) });
      },
    );
  };
  return {
    first,
    items: first.data === undefined ? undefined : chunks.flatMap((it) => it.items),
    hasMore: next !== null,
    isLoadingMore: mine.isLoading,
    moreProblem: mine.problem,
    loadMore,
  };
}
