// Metrics, periods and their changes in words.
import type { ForecastMethod, Grain, Metric } from './api/types';
import { LOCALE, NOTHING, day } from './format';

const oneDigit = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero' });
const month = new Intl.DateTimeFormat(LOCALE, { month: 'short', year: 'numeric', timeZone: 'UTC' });

export const METHODS: Record<ForecastMethod, string> = {
  last_value: 'The last value goes on',
  seasonal_naive: 'As it was one season ago',
  smoothing: 'Exponential smoothing',
  seasonal_smoothing: 'Exponential smoothing with a season',
};

/** Writes a value of a metric, or a dash. */
export function metricValue(value: number | null | undefined, metric: Pick<Metric, 'unit'>): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  return `${oneDigit.format(value)}${metric.unit === 'days' ? ' d' : ''}`;
}

/** Writes a change as a share with its sign: `+12.5%`. */
export function change(share: number | null | undefined): string {
  return share === null || share === undefined ? NOTHING : percent.format(share);
}

/** Tells whether a change is for the better; changes below one in a hundred are neither. */
export function toneOf(share: number | null | undefined, metric: Pick<Metric, 'better'>): 'good' | 'bad' | undefined {
  if (share === null || share === undefined || Math.abs(share) < 0.01 || metric.better === 'neither') return undefined;
  return (share > 0) === (metric.better === 'higher') ? 'good' : 'bad';
}

/** Names a period: `Nov 2026`, `2026-W49`, `Nov 30, 2026`. */
export function periodName(period: string, from: string, grain: Grain): string {
  if (grain === 'week') return period;
  if (grain === 'day') return day(from, true);
  const when = Date.parse(`${from}T00:00:00Z`);
  return Number.isFinite(when) ? month.format(when) : period;
}
