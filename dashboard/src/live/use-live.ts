// Hooks on the change stream.
import { useEffect, useState } from 'preact/hooks';
import type { ChangeRow } from '../api/types';
import { useServices } from '../services';
import type { LiveState } from './feed';
import { throttle } from './throttle';

/** Follows whether the stream is open. */
export function useLiveState(): LiveState {
  const { feed } = useServices();
  const [state, setState] = useState(feed.state);
  useEffect(() => {
    setState(feed.state);
    return feed.onState(setState);
  }, [feed]);
  return state;
}

/** Calls `act` for changes that `wanted` picks, at most once in `everyMs`. */
export function useOnChange(everyMs: number, wanted: (change: ChangeRow) => boolean, act: () => void): void {
  const { feed } = useServices();
  useEffect(() => {
    const soon = throttle(everyMs, act);
    const stop = feed.onChange((change) => {
      if (wanted(change)) soon();
    });
    const stopGap = feed.onGap(soon);
    return () => {
      stop();
      stopGap();
      soon.cancel();
    };
  }, [feed, everyMs, wanted, act]);
}

/** Follows the newest changes, drawn a few times a second at most. */
export function useRecent(): readonly ChangeRow[] {
  const { feed } = useServices();
  const [recent, setRecent] = useState(feed.recent);
  useEffect(() => {
    const soon = throttle(250, () => setRecent(feed.recent));
    const stop = feed.onChange(soon);
    return () => {
      stop();
      soon.cancel();
    };
  }, [feed]);
  return recent;
}
