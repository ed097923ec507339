// Metrics of the made-up firm: a season, a step, and what may come next.
import { instant, randomFrom } from './data.mjs';

const DAY_MS = 86_400_000;
export const DIMENSIONS = ['practice_area', 'court', 'status', 'priority', 'origin'];
export const METRICS = [
  { name: 'cases_opened', version: 1, title: 'Cases opened', description: 'Cases by the day on which they were opened, in UTC. Deleted cases do not count.', unit: 'cases', better: 'neither', formula: 'count_opened' },
  { name: 'cases_closed', version: 1, title: 'Cases closed', description: 'Cases by the day on which they were closed, in UTC.', unit: 'cases', better: 'higher', formula: 'count_closed' },
  { name: 'cases_open', version: 1, title: 'Open cases', description: 'Cases that were opened and not yet closed at the end of the period.', unit: 'cases', better: 'lower', formula: 'open_at_end' },
  { name: 'days_to_close', version: 1, title: 'Days to close', description: 'How long the cases that were closed in the period had been open, on average.', unit: 'days', better: 'lower', formula: 'mean_days_to_close' },
];
const GROUPS = { practice_area: ['Family Law', 'Contract', 'Real Estate', null], court: ['Circuit Court of Cook County', 'Harris County District Court'], status: ['Active', 'Settled'], priority: ['High', 'Medium'], origin: ['Web', 'Phone'] };

function begin(grain, back, now) {
  const today = new Date(Math.floor(now / DAY_MS) * DAY_MS);
  if (grain === 'month') return new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - back, 1));
  if (grain === 'week') return new Date(today.getTime() - (((today.getUTCDay() + 6) % 7) + 7 * back) * DAY_MS);
  return new Date(today.getTime() - back * DAY_MS);
}

function label(grain, from) {
  const text = instant(from.getTime()).slice(0, 10);
  if (grain === 'month') return text.slice(0, 7);
  if (grain === 'day') return text;
  const thursday = new Date(from.getTime() + 3 * DAY_MS);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return `${thursday.getUTCFullYear()}-W${String(1 + Math.floor((thursday.getTime() - first) / (7 * DAY_MS))).padStart(2, '0')}`;
}

function points(grain, n, scale, now) {
  const random = randomFrom(7);
  return Array.from({ length: n }, (_, at) => {
    const from = begin(grain, n - 1 - at, now);
    const value = Math.round(scale * (10 + 3 * Math.sin(at / 2) + 2 * random()) * (at > n / 2 ? 1.4 : 1));
    return { period: label(grain, from), from: instant(from.getTime()).slice(0, 10), value, is_complete: at < n - 1 };
  }).map((it, at, all) => ({ ...it, previous_change: at === 0 ? null : it.value / all[at - 1].value - 1, year_change: at < 12 ? null : it.value / all[at - 12].value - 1 }));
}

export function metricSeries(metric, { grain = 'month', periods = 24, by }, now = Date.now()) {
  const group = (name, kind, scale) => {
    const all = points(grain, Number(periods), scale, now);
    const step = all[Math.floor(all.length / 2) + 1];
    return { group: name, kind, points: all, change_points: all.length < 8 || step === undefined ? [] : [{ period: step.period, before: 10 * scale, after: 14.2 * scale }] };
  };
  const groups = by === undefined ? [group(null, 'all', 4)] : GROUPS[by].map((it, at) => group(it, it === null ? 'none' : 'value', 3 - at / 2));
  return { metric, grain, by: by ?? null, as_of: instant(now), groups };
}

export function forecast(metric, { grain = 'month', periods = 6 }, now = Date.now()) {
  const ahead = Array.from({ length: Number(periods) }, (_, at) => {
    const from = begin(grain, -at, now);
    return { period: label(grain, from), from: instant(from.getTime()).slice(0, 10), value: 56 + 4 * Math.sin(at), low: 50 - at, high: 63 + at };
  });
  const tests = [{ method: 'seasonal_smoothing', n_folds: 12, mean_error: 3.1, relative_error: 0.055 }, { method: 'last_value', n_folds: 12, mean_error: 7.4, relative_error: 0.13 }];
  return { metric, grain, as_of: instant(now), n_periods: 60, method: 'seasonal_smoothing', level: 0.95, points: ahead, back_tests: tests, reason: null };
}
