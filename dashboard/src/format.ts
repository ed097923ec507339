// Numbers, sizes, durations and instants as people read them.

/** The page is in English; of its kinds the viewer's own is taken. */
const viewer = (globalThis.navigator as Navigator | undefined)?.language ?? '';
export const LOCALE = viewer.startsWith('en') ? viewer : 'en-US';

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });

export const NOTHING = '–';

/** Writes a whole number with separators, or a dash. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? NOTHING : whole.format(value);
}

/** Writes `n` with its noun: `1 case`, `2 cases`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Writes milliseconds in the unit that fits: `42 ms`, `1.2 s`, `3 min`, `2 h`, `5 d`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NOTHING;
  if (ms < 1_000) return `${whole.format(Math.max(0, ms))} ms`;
  if (ms < 60_000) return `${oneDigit.format(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${whole.format(Math.floor(ms / 60_000))} min`;
  if (ms < 172_800_000) return `${whole.format(Math.floor(ms / 3_600_000))} h`;
  return `${whole.format(Math.floor(ms / 86_400_000))} d`;
}

/** Writes how long ago `at` was, in whole units; an instant just ahead counts as now. */
export function ago(at: string | number, now: number): string {
  const then = typeof at === 'number' ? at : Date.parse(at);
  if (!Number.isFinite(then)) return NOTHING;
  const seconds = Math.floor((now - then) / 1_000);
  if (seconds < -60) return `in ${duration(then - now)}`;
  if (seconds < 1) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  return `${duration(seconds * 1_000)} ago`;
}

/** Writes bytes: `512 B`, `1.5 kB`, `20 MB`. */
export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined) return NOTHING;
  let left = size;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (left < 1_000 || unit === 'GB') return `${(unit === 'B' ? whole : oneDigit).format(left)} ${unit}`;
    left /= 1_000;
  }
  return NOTHING;
}

const dateTime = new Intl.DateTimeFormat(LOCALE, {
  year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit',
});
const dateTimeSeconds = new Intl.DateTimeFormat(LOCALE, {
  year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
});
const date = new Intl.DateTimeFormat(LOCALE, { year: 'numeric', month: 'short', day: 'numeric' });
const utcDay = new Intl.DateTimeFormat(LOCALE, { month: 'short', day: 'numeric', timeZone: 'UTC' });
const utcDayYear = new Intl.DateTimeFormat(LOCALE, { year: 'numeric', month: 'short', day: 'numeric', timeZone: 'UTC' });

export type InstantStyle = 'date' | 'minutes' | 'seconds';

/** Writes an instant in the viewer's zone. */
export function instant(at: string | null | undefined, style: InstantStyle = 'minutes'): string {
  const when = at === null || at === undefined ? Number.NaN : Date.parse(at);
  if (!Number.isFinite(when)) return NOTHING;
  return { date, minutes: dateTime, seconds: dateTimeSeconds }[style].format(when);
}

/** Writes an instant in UTC, exactly as it is. */
export function utc(at: string): string {
  const when = Date.parse(at);
  return Number.isFinite(when) ? `${new Date(when).toISOString().replace('T', ' ').replace('Z', '')} UTC` : at;
}

/** Writes a day such as `2026-11-22`, which is one in UTC. */
export function day(text: string, withYear = false): string {
  const when = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(when) ? (withYear ? utcDayYear : utcDay).format(when) : text;
}

/** Shortens an id or a hash to its first characters. */
export function short(text: string, length = 10): string {
  return text.length <= length + 1 ? text : `${text.slice(0, length)}…`;
}

/** Pretty-prints JSON; text that is none stays as it is. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
