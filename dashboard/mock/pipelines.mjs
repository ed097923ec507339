// What the mock knows of pipelines: definitions, and runs that go on as they are asked for.
import { instant, randomFrom } from './data.mjs';

const DAY_MS = 86_400_000;
const RULES = [
  { rule: 'not_null_opened', check: 'not_null', columns: ['opened'], action: 'stop', threshold_percent: null },
  { rule: 'email_email', check: 'email', columns: ['email'], action: 'quarantine', threshold_percent: 99 },
  { rule: 'range_fee', check: 'range', columns: ['fee'], action: 'warn', threshold_percent: null },
  { rule: 'unique_id', check: 'unique', columns: ['id'], action: 'drop', threshold_percent: null },
];
const SHARES = [0, 0.0004, 0.0002, 0];

const DEFINITION = {
  sha256: 'ab'.repeat(32), source: 's3://example-pipelines/pipelines/in/cases-*.csv', source_format: 'csv', is_partitioned: true, columns: [], key: ['id'],
  steps: [
    { path: 'steps.0', line: 14, step: 'derive', does: 'email = lower(trim(email)), days_open = coalesce(closed, CAST(now() AS DATE)) - opened' },
    { path: 'steps.1', line: 17, step: 'select', does: 'id, opened, closed, days_open, fee, email' },
  ],
  rules: RULES, threshold_percent: 99.5, sink: 's3://example-pipelines/pipelines/out/{partition}.parquet', quarantine: 's3://example-pipelines/pipelines/out/{partition}-rejects.csv', baseline: null,
  lineage: [{ column: 'id', from: ['id'], by: [] }, { column: 'days_open', from: ['closed', 'opened'], by: ['steps.0.derive.days_open'] }, { column: 'email', from: ['email'], by: ['steps.0.derive.email'] }],
  filtered_by: [], n_tests: 1,
};
const FAULT = { file: 'payments.yaml', line: 9, path: 'steps.0.derive.total', text: '`ammount` is no column: did you mean `amount`?' };

export class Pipelines {
  #runs;
  #keys = new Map();

  constructor(now = Date.now()) {
    const random = randomFrom(11);
    this.#runs = Array.from({ length: 34 }, (_, at) => madeRun(`${at}`.padStart(2, '0'), now - at * DAY_MS - 3_600_000, random, at));
  }

  /** Answers `/v1/pipelines…`; `undefined` for what is not there. */
  answer(method, [, name, third, fourth], query, body, key, person) {
    if (name === undefined) return { items: this.#list() };
    if (name === 'runs' && third === undefined) return this.#page(query);
    if (name === 'runs') return this.#one(method, third, fourth);
    const item = this.#list().find((it) => it.name === name);
    if (item === undefined) return undefined;
    if (third === 'quality') return this.#quality(name, Number(query.runs ?? 30));
    if (third === 'runs') return this.#start(name, key ?? body?.idempotency_key, person);
    return { ...item, checked: 'structure', definition: item.is_valid ? DEFINITION : null };
  }

  #list() {
    const last = this.#runs[0];
    return [
      { name: 'clean-cases', about: 'Cases as the court sends them, with clean addresses and days open.', is_valid: true, faults: [], last_run: bare(last), schedule: { text: 'each day at 06:00 UTC', next_at: nextAt(6 * 3_600_000) } },
      { name: 'payments', about: null, is_valid: false, faults: [FAULT], last_run: null, schedule: null },
    ];
  }

  #page({ pipeline, after, limit = 50 }) {
    const all = this.#runs.filter((it) => pipeline === undefined || it.pipeline === pipeline);
    const from = after === undefined ? 0 : all.findIndex((it) => it.id === after) + 1;
    const items = all.slice(from, from + Number(limit)).map(({ rules, partitions, ...it }) => it);
    return { items, next_after: from + items.length < all.length ? items.at(-1).id : null };
  }

  #one(method, id, order) {
    const run = this.#runs.find((it) => it.id === id);
    if (run === undefined || method === 'GET') return run;
    const state = order === 'cancel' ? 'cancelled' : 'queued';
    Object.assign(run, { state, message: order === 'cancel' ? 'cancelled by a person' : null, round: run.round + (order === 'retry' ? 1 : 0), finished_at: null });
    return bare(run);
  }

  #start(name, key, person) {
    const known = this.#keys.get(key);
    if (known !== undefined) return bare(known);
    const run = { ...madeRun(`new${this.#runs.length}`, Date.now(), () => 0, 1), pipeline: name, state: 'queued', message: null, n_partitions: null, partitions: [], partition_states: [], rules: [], started_by: `person:${person}`, started_at: null, finished_at: null };
    run.counts = { n_read: 0, n_filtered: 0, n_rejected: 0, n_out: 0 };
    this.#runs.unshift(run);
    this.#keys.set(key, run);
    return bare(run);
  }

  #quality(name, nRuns) {
    const judged = this.#runs.filter((it) => it.pipeline === name && ['succeeded', 'refused'].includes(it.state)).slice(0, nRuns);
    const items = judged.map(({ partitions, partition_states, ...it }) => ({ ...it, passed_percent: (100 * (it.counts.n_read - it.counts.n_rejected)) / it.counts.n_read }));
    const rules = name === 'clean-cases' ? RULES.map(({ rule, action }) => {
      const reports = items.map((it) => it.rules.find((one) => one.rule === rule));
      const sum = (field) => reports.reduce((all, it) => all + it[field], 0);
      return { rule, action, n_checked: sum('n_checked'), n_failed: sum('n_failed'), n_runs: items.length, n_runs_broken: reports.filter((it) => it.n_failed > 0).length };
    }).sort((a, b) => b.n_runs_broken - a.n_runs_broken) : [];
    return { items, rules, is_cut: false };
  }
}

function madeRun(name, at, random, place) {
  const id = `0af7651916cd43dd8448eb211c80${name}`.padEnd(32, '0');
  const state = place === 4 ? 'refused' : place === 9 ? 'failed' : 'succeeded';
  const message = { refused: '71 of 12,000 rows were rejected, and 99.5 % must pass', failed: 'the source `s3://example-pipelines/pipelines/in/cases-2026-02.csv`: the column `Opened On` is missing' }[state] ?? null;
  const partitions = ['2026-01', '2026-02'].map((part, number) => {
    const n_read = 12_000 + Math.floor(random() * 900);
    const rules = RULES.map(({ rule, action }, which) => ({ rule, action, n_checked: n_read, n_failed: Math.floor(n_read * SHARES[which] * random() * (state === 'refused' ? 25 : 2)) }));
    const n_rejected = rules[1].n_failed + rules[3].n_failed;
    const isBad = state !== 'succeeded' && number === 1;
    return {
      run: id, number: number + 1, name: part, state: isBad ? state : 'succeeded', round: 1, n_attempts: isBad ? 2 : 1, n_overruns: 0, owner: null, leased_until: null,
      counts: { n_read, n_filtered: 0, n_rejected, n_out: n_read - n_rejected }, rules, message: isBad ? message : null,
      output: isBad ? null : `s3://example-pipelines/pipelines/out/${part}.parquet`, quarantine: n_rejected > 0 ? `s3://example-pipelines/pipelines/out/${part}-rejects.csv` : null,
      started_at: instant(at + 400), finished_at: instant(at + 7_200),
    };
  });
  const sum = (field) => partitions.reduce((all, it) => all + it.counts[field], 0);
  const rules = partitions[0].rules.map((it, which) => ({ ...it, n_checked: it.n_checked + partitions[1].rules[which].n_checked, n_failed: it.n_failed + partitions[1].rules[which].n_failed }));
  const states = [...new Set(partitions.map((it) => it.state))];
  return {
    id, pipeline: 'clean-cases', kind: 'source', state, round: 1, definition: 'ab'.repeat(32), only: [], n_partitions: 2, message, started_by: place % 3 === 0 ? 'person:olga.operator' : 'schedule',
    correlation_id: id, idempotency_key: null, requested_at: instant(at), started_at: instant(at + 400), finished_at: instant(at + 7_200),
    counts: { n_read: sum('n_read'), n_filtered: 0, n_rejected: sum('n_rejected'), n_out: sum('n_out') },
    partition_states: states.map((it) => ({ state: it, n_partitions: partitions.filter((one) => one.state === it).length })), rules, partitions,
  };
}

/** When it is that time of a day in UTC next. */
function nextAt(withinDay, now = Date.now()) {
  const today = now - (now % DAY_MS) + withinDay;
  return instant(today > now ? today : today + DAY_MS);
}

/** A run without what only its own page shows. */
function bare({ counts, partition_states, rules, partitions, ...run }) {
  return run;
}
