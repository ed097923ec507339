// What the mock knows of reports: those that may be asked for, and those that were made.
import { instant } from './data.mjs';

const DEFINITIONS = [
  { name: 'case-file', is_valid: true, faults: [], title: 'Case file', about: 'Who is in a case, its timeline, documents and letters.', kind: 'case', period: null, formats: ['html', 'pdf', 'csv'], pipeline: null, schedule: null, deliver: [] },
  { name: 'firm-monthly', is_valid: true, faults: [], title: 'The firm, month by month', about: 'Cases opened, closed and open, and days to close.', kind: 'firm', period: '2026-11', formats: ['html', 'pdf', 'csv', 'parquet'], pipeline: null, schedule: '06:00', deliver: ['topic'] },
  { name: 'firm-weekly', is_valid: false, faults: [{ file: 'firm-weekly.yaml', line: 4, path: 'period', text: '`wek` is no period: write `day`, `week` or `month`' }], title: null, about: null, kind: null, period: null, formats: [], pipeline: null, schedule: null, deliver: [] },
];
const FILES = [
  { format: 'html', table: null, n_bytes: 18_204 }, { format: 'pdf', table: null, n_bytes: 61_770 },
  { format: 'csv', table: 'by_period', n_bytes: 811 }, { format: 'csv', table: 'open_cases', n_bytes: 2_044 },
];

export class Reports {
  #made;
  #keys = new Map();

  constructor(now = Date.now()) {
    this.#made = [['2026-11', 'ready'], ['2026-10', 'ready'], ['2026-09', 'failed']].map(([period, state], at) => report(at, 'firm-monthly', 'firm', null, period, state, 'schedule', now - at * 30 * 86_400_000));
  }

  /** Answers `/v1/reports…`; `undefined` for what is not there. */
  answer(method, [, id, what], query, body, key, person) {
    if (id === 'definitions') return { items: DEFINITIONS };
    if (id === undefined && method === 'POST') return this.#order(body, key, person);
    if (id === undefined) return { items: this.#made, next_after: null };
    const found = this.#made.find((it) => it.id === id);
    if (found?.state === 'queued') Object.assign(found, { state: 'ready', files: FILES, finished_at: instant(Date.now()) });
    if (what === 'link' && found !== undefined) return { link: { method: 'GET', url: `/v1/reports/${id}/content?format=${query.format}`, headers: {}, expires_at: null }, name: `${found.report}-${found.period}.${query.format}`, format: query.format, table: query.table ?? null, media_type: 'text/plain', n_bytes: 2 };
    return found;
  }

  #order({ report: name, subject = null, period }, key, person) {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const { kind } = DEFINITIONS.find((it) => it.name === name);
    const made = report(`n${this.#made.length}`, name, kind, subject, period ?? '2026-11', 'queued', `person:${person}`, Date.now());
    this.#made.unshift(made);
    this.#keys.set(key, made);
    return made;
  }
}

function report(at, name, kind, subject, period, state, ordered_by, when) {
  const id = `3af7651916cd43dd8448eb211c80${at}`.padEnd(32, '0');
  return {
    id, report: name, kind, subject, period, formats: ['html', 'pdf', 'csv'], state, message: state === 'failed' ? 'the store of reports: it did not answer in time' : null, ordered_by,
    correlation_id: id, n_attempts: 1, files: state === 'ready' ? FILES : [], deliveries: [], requested_at: instant(when), finished_at: state === 'queued' ? null : instant(when + 3_000),
  };
}
