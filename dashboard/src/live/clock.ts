// The server's time as seen from here, and a tick for texts such as "2 s ago".
import { useEffect, useState } from 'preact/hooks';

let skewMs = 0;

/** Notes what time the server had when it answered just now. */
export function noteServerTime(asOf: string, localNow: number = Date.now()): void {
  const server = Date.parse(asOf);
  // Less than this is the way the answer took, not a clock that is off.
  if (Number.isFinite(server)) skewMs = Math.abs(server - localNow) > 2_000 ? server - localNow : 0;
}

/** Returns the server's time in milliseconds. */
export function serverNow(): number {
  return Date.now() + skewMs;
}

const ticking = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Renders again every second, together with everything else that ticks. */
export function useNow(): number {
  const [, setTick] = useState(0);
  useEffect(() => {
    const tick = (): void => setTick((it) => it + 1);
    ticking.add(tick);
    timer ??= setInterval(() => {
      if (!document.hidden) for (const each of ticking) each();
    }, 1_000);
    return () => {
      ticking.delete(tick);
      if (ticking.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
    };
  }, []);
  return serverNow();
}
