// What the mock knows beside cases: platforms, breakers and quotas, costs, settings, walls.
import { instant, randomFrom, uuid } from './data.mjs';

const DAY_MS = 86_400_000;

const field = (name, column = null, kind = 'text') => ({ name, kind, column, references: null, can_read: true, can_write: column !== null });
const stream = (object, entity, ...fields) => ({ object, entity, tells_deletes: true, fields });

export const PLATFORMS = [
  {
    id: 'salesforce', title: 'Salesforce', source: 'compiled', connections: ['main-org'],
    capabilities: ['read_changes', 'read_record', 'read_deletes', 'write', 'webhooks', 'bulk'],
    streams: [
      stream('Account', 'account', field('Id'), field('Name', 'name'), field('Phone', 'phone'), field('Website', 'website')),
      stream('Contact', 'contact', field('Id'), field('FirstName', 'first_name'), field('LastName', 'last_name'), field('Email', 'email'), field('AccountId', 'account_id', 'reference')),
      stream(
        'Case', 'case', field('Id'), field('CaseNumber'), field('Subject', 'title'), field('Status', 'status'), field('Priority', 'priority'),
        field('Docket_Number__c', 'docket_number'), field('Court__c', 'court'), field('ClosedDate', 'closed_at', 'datetime'),
      ),
    ],
  },
  {
    id: 'clio', title: 'Clio', source: 'built_in_manifest', connections: [], capabilities: ['read_changes', 'read_record'],
    streams: [stream('matters', 'case', field('id'), field('display_number', 'docket_number'), field('status', 'status')), stream('contacts', 'contact', field('id'), field('name', 'last_name'))],
  },
  { id: 'github', title: 'GitHub issues', source: 'loaded_manifest', connections: [], capabilities: ['read_changes'], streams: [stream('issues', null, field('id'), field('title'), field('state'))] },
];

export function resilience(now = Date.now()) {
  const breaker = (platform, host, operation, state, until = null) => ({ platform, host, operation, state, since: instant(now - 41_000), until });
  const quota = (platform, connection, limit, used) => ({
    platform, connection, limit, used, left: limit - used, reserve: limit / 20, per_hour: limit / 10, exhausted_at: instant(now + ((limit - used) / (limit / 10)) * 3_600_000), reported_at: instant(now - 9_000),
  });
  return {
    breakers: [
      breaker('salesforce', 'main-org.my.salesforce.com', 'query', 'closed'),
      breaker('salesforce', 'main-org.my.salesforce.com', 'get', 'open', instant(now + 22_000)),
      breaker('clio', 'app.clio.com', 'matters', 'half_open'),
    ],
    quotas: [quota('salesforce', 'main-org', 100_000, 1_786), quota('clio', 'clio-main', 600, 540)],
  };
}

const UNITS = [['salesforce', 'query', 'call', 12, 400], ['snowflake', 'load', 'microcredit', 3, 400_000], ['textract', 'analyse', 'page', 1_500, 20], ['claude', 'summarise', 'token', 3, 9_000]];

/** Sums up made-up costs; each price is in millionths. */
export function costs({ by = 'day', from, until }, caseIds, now = Date.now()) {
  const random = randomFrom(3);
  const days = Array.from({ length: 90 }, (_, at) => instant(now - at * DAY_MS).slice(0, 10));
  const lines = days.flatMap((day) => UNITS.map(([platform, operation, unit, price, most]) => {
    const quantity = 1 + Math.floor(random() * most);
    const group = { day, platform, case: caseIds[Math.floor(random() * 6)], connection: 'main-org', run: uuid(`run ${Math.floor(random() * 5)}`) }[by];
    return { day, group, platform, operation, unit, quantity, micros: quantity * price };
  })).filter((it) => (from === undefined || it.day >= from) && (until === undefined || it.day <= until));
  const groups = new Map();
  for (const line of lines) {
    const units = groups.get(line.group) ?? groups.set(line.group, new Map()).get(line.group);
    const sum = units.get(line.platform) ?? { ...line, quantity: 0, micros: 0 };
    units.set(line.platform, { ...sum, quantity: sum.quantity + line.quantity, micros: sum.micros + line.micros });
  }
  const amount = (micros) => (micros / 1_000_000).toFixed(6);
  const items = [...groups].map(([group, units]) => ({
    group, micros: [...units.values()].reduce((sum, it) => sum + it.micros, 0),
    units: [...units.values()].map(({ platform, operation, unit, quantity, micros }) => ({ platform, operation, unit, quantity, cost: amount(micros) })),
  })).sort((a, b) => (by === 'day' ? a.group.localeCompare(b.group) : b.micros - a.micros));
  const total = items.reduce((sum, it) => sum + it.micros, 0);
  const month = `${instant(now).slice(0, 7)}-01`;
  return {
    currency: 'USD', price_list: '2026-11-01', total: amount(total), items: items.map(({ micros, ...it }) => ({ ...it, cost: amount(micros) })),
    budgets: [
      { name: 'everything', platform: null, period: 'month', since_day: month, limit: '50.00', spent: '21.410000', percent: 42 },
      { name: 'reading documents', platform: 'textract', period: 'day', since_day: instant(now).slice(0, 10), limit: '0.05', spent: '0.043500', percent: 87 },
      { name: 'summaries', platform: 'claude', period: 'month', since_day: month, limit: '0.50', spent: '0.612000', percent: 122 },
    ],
  };
}

/** Settings with versions, an author and an undo. */
export class SettingsBook {
  version = 3;
  runningVersion = 3;
  values = [
    { path: 'poll.every', value: '60s', source: 'database', can_change: true },
    { path: 'poll.page_size', value: 200, source: 'default', can_change: true },
    { path: 'api.cors_origins', value: ['https://dashboard.firm.example'], source: 'file', can_change: true },
    { path: 'api.changes_stream', value: '15m', source: 'default', can_change: true },
    { path: 'server.address', value: '127.0.0.1:8080', source: 'file', can_change: false },
    { path: 'salesforce.main-org.client_secret', value: 'file:/etc/moodbridge/client-secret', source: 'environment', can_change: false },
  ];
  history = [
    { version: 3, at: '2026-11-20T14:03:11.000Z', author: 'anna', reason: 'the org answers faster now', changes: [{ path: 'poll.every', before: '120s', after: '60s' }] },
    { version: 2, at: '2026-11-02T09:30:00.000Z', author: 'otto', reason: 'too many calls in the morning', changes: [{ path: 'poll.every', before: null, after: '120s' }] },
  ];

  change({ expected_version, reason, set }, author) {
    if (expected_version !== this.version) return undefined;
    const changes = Object.entries(set).map(([path, after]) => {
      const it = this.values.find((one) => one.path === path);
      const before = it.value;
      Object.assign(it, { value: after, source: after === null ? 'default' : 'database' });
      return { path, before, after };
    });
    this.version += 1;
    this.history.unshift({ version: this.version, at: instant(Date.now()), author, reason, changes });
    return { version: this.version };
  }

  undo({ version }, author) {
    const it = this.history.find((one) => one.version === version);
    if (it === undefined) return undefined;
    const set = Object.fromEntries(it.changes.map((change) => [change.path, change.before]));
    return this.change({ expected_version: this.version, reason: `undo of version ${version}`, set }, author);
  }
}
