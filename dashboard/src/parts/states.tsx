// What stands where an answer is not there: skeletons, empty lists, problems.
import type { ComponentChildren } from 'preact';
import { adviceOn, titleOf, type Problem } from '../api/problem';
import type { Loaded } from '../load';
import { Icon, type IconName } from './icons';

/** Grey lines that stand for what is loading. */
export function Skeleton({ lines = 3, height = 16, label = 'Loading' }: { lines?: number; height?: number; label?: string }) {
  return (
    <div class="skeleton" aria-busy="true">
      <span class="unseen">{label}…</span>
      {Array.from({ length: lines }, (_, at) => (
        <span key={at} class="skeleton-line" aria-hidden="true" style={{ height: `${height}px`, width: `${100 - ((at * 17) % 38)}%` }} />
      ))}
    </div>
  );
}

/** Says that there is nothing, and what to do. */
export function Empty({ title, icon = 'empty', children }: { title: string; icon?: IconName; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} size={28} />
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="empty-text">{children}</div>}
    </div>
  );
}

/** Shows a problem as the API words it, with a way to try again. */
export function ProblemBox({ problem, retry }: { problem: Problem; retry?: (() => void) | undefined }) {
  return (
    <div class="problem" role="alert">
      <Icon name="alert" size={20} />
      <div class="problem-text">
        <p class="problem-title">
          {titleOf(problem)}
          {problem.status > 0 && <span class="muted"> ({problem.status})</span>}
        </p>
        {problem.detail !== '' && <p>{problem.detail}</p>}
        {adviceOn(problem) !== undefined && <p>{adviceOn(problem)}</p>}
        {problem.errors.length > 0 && (
          <ul>
            {problem.errors.map((it) => (
              <li key={it.field}><code>{it.field}</code>: {it.message}</li>
            ))}
          </ul>
        )}
      </div>
      {retry !== undefined && <button type="button" class="button" onClick={retry}>Try again</button>}
    </div>
  );
}

/** Shows what is loaded; a skeleton before, and the problem above what is still known. */
export function Answer<T>({ of, lines = 4, height, part, children }: {
  of: Loaded<T>;
  /** What an older server may not know of, such as `costs`. */
  part?: string;
  lines?: number;
  height?: number;
  children: (data: T) => ComponentChildren;
}) {
  if (part !== undefined && of.problem?.status === 404) {
    return <Empty title={`This server does not offer ${part}`}>A newer MoodBridge does.</Empty>;
  }
  return (
    <>
      {of.problem !== undefined && <ProblemBox problem={of.problem} retry={of.reload} />}
      {of.data !== undefined
        ? children(of.data)
        : of.problem === undefined && <Skeleton lines={lines} {...(height === undefined ? {} : { height })} />}
    </>
  );
}
