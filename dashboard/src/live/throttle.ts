// Runs a task at most once in a while, and once more after the last call.

export interface Throttled {
  (): void;
  cancel(): void;
}

/** Returns a call that starts `task` at once when `ms` have passed since it last started, else later. */
export function throttle(ms: number, task: () => void, now: () => number = Date.now): Throttled {
  let startedAt = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = (): void => {
    timer = undefined;
    startedAt = now();
    task();
  };
  const call = (): void => {
    if (timer !== undefined) return;
    const wait = startedAt + ms - now();
    if (wait <= 0) start();
    else timer = setTimeout(start, wait);
  };
  return Object.assign(call, {
    cancel: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  });
}
