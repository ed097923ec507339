// The mock's state: cases that change, an audit log, queues with dead letters, sync runs.
import { instant, makeCases, randomFrom, sha256, STATUSES, SYSTEM, uuid } from './data.mjs';

const DEAD_REASONS = [
  'salesforce: get `Case/500Ws0000000042AAA` failed (Rejected): entity is deleted',
  'body of 412 bytes is not a change event: missing field `event_id` at line 1 column 412',
  'sql: apply `main-org/Case/500Ws0000000108AAA` failed (Conflict): revision 7 was expected, 9 was found',
];

export class Firm {
  constructor({ nCases = 1_200, now = Date.now() } = {}) {
    this.random = randomFrom(11);
    this.cases = makeCases(nCases, now);
    this.byId = new Map(this.cases.map((it) => [it.id, it]));
    this.audit = [];
    this.changes = [];
    this.listeners = new Set();
    this.dead = Array.from({ length: 31 }, (_, at) => deadLetter(at, now));
    for (let age = 40; age > 0; age -= 1) this.change(now - age * 9_000);
  }

  /** Changes one case, as a webhook would. */
  change(now = Date.now()) {
    const it = this.cases[Math.floor(this.random() ** 2 * this.cases.length)];
    const seq = this.changes.length + 1;
    const before = it.status;
    const after = STATUSES[(STATUSES.indexOf(before) + 1) % STATUSES.length];
    it.status = after;
    it.is_closed = after === 'Settled' || after === 'Closed';
    it.closed_at = it.is_closed ? instant(now) : null;
    it.updated_at = instant(now);
    const lag = 9 + Math.floor(this.random() ** 4 * 300);
    const correlation = sha256(`correlation ${seq}`).slice(0, 32);
    const row = {
      seq, at: instant(now), actor: 'salesforce:main-org', kind: seq % 9 === 0 ? 'created' : 'updated', entity: 'case', entity_id: it.id,
      channel: ['outbound_message', 'change_event', 'poll', 'webhook'][seq % 4], event_id: `04l${sha256(`event ${seq}`).slice(0, 15)}`,
      correlation_id: correlation, source_version: instant(now - lag), received_at: instant(now - lag),
      changes: [
        { field: 'closed_at', before: null, after: it.closed_at },
        { field: 'is_closed', before: false, after: it.is_closed },
        { field: 'status', before, after },
      ].filter((change) => change.before !== change.after),
    };
    this.audit.unshift({ ...row, hash: sha256(`${JSON.stringify(row)}${this.audit[0]?.hash ?? ''}`) });
    const label = [it.docket_number, it.title].filter(Boolean).join(' · ');
    const change = {
      seq, at: row.at, entity: 'case', entity_id: it.id, kind: row.kind, label: label === '' ? null : label,
      fields: row.changes.map((each) => each.field), lag_ms: lag, correlation_id: correlation,
    };
    this.changes.push(change);
    for (const listener of this.listeners) listener(change);
    return change;
  }

  overview(days, now = Date.now()) {
    const byStatus = new Map();
    const counts = new Map();
    for (let at = days - 1; at >= 0; at -= 1) counts.set(instant(now - at * 86_400_000).slice(0, 10), [0, 0]);
    for (const it of this.cases) {
      byStatus.set(it.status, (byStatus.get(it.status) ?? 0) + 1);
      const opened = counts.get(it.opened_at.slice(0, 10));
      if (opened) opened[0] += 1;
      const closed = counts.get(it.closed_at?.slice(0, 10));
      if (closed) closed[1] += 1;
    }
    const lags = this.changes.slice(-1_000).map((it) => it.lag_ms).sort((a, b) => a - b);
    return {
      as_of: instant(now), n_accounts: 318, n_contacts: 1_204, n_cases: this.cases.length,
      n_open_cases: this.cases.filter((it) => !it.is_closed).length,
      by_status: [...byStatus].map(([status, n_cases]) => ({ status, n_cases })).sort((a, b) => b.n_cases - a.n_cases),
      by_day: [...counts].map(([day, [n_opened, n_closed]]) => ({ day, n_opened, n_closed })),
      last_change_at: this.changes.at(-1)?.at ?? null,
      n_changes_last_minute: this.changes.filter((it) => Date.parse(it.at) > now - 60_000).length,
      sync_lag: { n_samples: lags.length, p50_ms: lags[Math.floor(lags.length / 2)] ?? null, p99_ms: lags[Math.floor(lags.length * 0.99)] ?? null },
      integrations: this.integrations(now), queues: this.queues(now),
    };
  }

  integrations(now = Date.now()) {
    const object = (name, age) => ({ object: name, cursor_at: instant(now - age), last_run: this.run(name, 0, now) });
    return [
      {
        id: 'main-org', platform: 'salesforce', title: 'Salesforce (main org)', status: 'healthy', detail: null, checked_at: instant(now - 4_000),
        last_success_at: instant(now - 4_000), calls_left: 98_214, objects: [object('Account', 62_000), object('Contact', 41_000), object('Case', 6_000)],
      },
      {
        id: 'intake-forms', platform: 'webhook', title: 'Intake forms', status: 'degraded', detail: '2 of the last 20 deliveries had a stale timestamp',
        checked_at: instant(now - 31_000), last_success_at: instant(now - 95_000), calls_left: null, objects: [],
      },
    ];
  }

  run(object, at, now = Date.now()) {
    const started = Math.floor(now / 15_000) * 15_000 - at * 15_000;
    const isFailed = at === 7;
    const isRunning = at === 0 && object === 'Contact';
    return {
      id: sha256(`run ${object} ${started}`).slice(0, 32), connection: 'main-org', object, started_at: instant(started),
      ended_at: isRunning ? null : instant(started + 180 + at * 13), outcome: isRunning ? 'running' : isFailed ? 'failed' : 'succeeded',
      n_read: (at * 37) % 211, n_queued: (at * 37) % 11, error: isFailed ? 'salesforce: query `Case` failed (Unavailable): the request limit is exceeded' : null,
    };
  }

  runs(limit) {
    return Array.from({ length: limit }, (_, at) => this.run(['Case', 'Contact', 'Account'][at % 3], Math.floor(at / 3)));
  }

  queues(now = Date.now()) {
    return [
      { name: 'events', n_ready: 3, n_in_flight: 2, n_delayed: 1, n_dead: this.dead.length, oldest_sent_at: instant(now - 2_400) },
      { name: 'reports', n_ready: 0, n_in_flight: 0, n_delayed: 0, n_dead: 0, oldest_sent_at: null },
    ];
  }

  replay(selection) {
    const before = this.dead.length;
    this.dead = selection.all === true ? [] : this.dead.filter((it) => !selection.ids.includes(it.id));
    return before - this.dead.length;
  }
}

function deadLetter(at, now) {
  const event = {
    event_id: sha256(`dead ${at}`).slice(0, 18), ...SYSTEM, record_id: `500Ws${String(at).padStart(10, '0')}AAA`, change: 'upsert',
    version: instant(now - at * 70_000), scope: 'non_empty', fields: { Status: 'Active', Docket_Number__c: `2026-CV-${1_000 + at}` }, channel: 'outbound_message',
  };
  return {
    id: uuid(`dead ${at}`), body: at % 3 === 1 ? '{"broken": tru' : JSON.stringify(event), group: at % 3 === 1 ? null : `main-org/Case/${event.record_id}`,
    n_attempts: 5, reason: DEAD_REASONS[at % 3], sent_at: instant(now - at * 70_000 - 600_000), died_at: instant(now - at * 70_000),
  };
}
