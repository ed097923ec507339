// The end of a list: how much is shown, and a button for more.
import type { Paged } from '../more';
import { counted } from '../format';
import { ProblemBox } from './states';

export function LoadMore<T>({ of, one, many = `${one}s` }: { of: Paged<T>; one: string; many?: string }) {
  const n = of.items?.length ?? 0;
  if (n === 0) return null;
  return (
    <div class="load-more">
      {of.moreProblem !== undefined && <ProblemBox problem={of.moreProblem} retry={of.loadMore} />}
      {of.hasMore ? (
        <>
          <button type="button" class="button" onClick={of.loadMore} disabled={of.isLoadingMore}>
            {of.isLoadingMore ? 'Loading…' : 'Load more'}
          </button>
          <span class="muted">{counted(n, one, many)} shown</span>
        </>
      ) : (
        <span class="muted">{n === 1 ? `This is the only ${one}.` : `These are all ${counted(n, one, many)}.`}</span>
      )}
    </div>
  );
}
