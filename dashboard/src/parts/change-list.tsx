// The newest changes, as they are committed.
import { useEffect, useState } from 'preact/hooks';
import type { AuditRow, ChangeRow, Entity } from '../api/types';
import { counted, duration } from '../format';
import { useLiveState, useRecent } from '../live/use-live';
import { hrefOf } from '../router';
import { useMay, useServices } from '../services';
import { caseName, ENTITY, fieldName, KIND } from '../words';
import { Card } from './frame';
import { Icon } from './icons';
import { Empty } from './states';
import { Ago, Pill } from './text';

const N_SHOWN = 8;
const N_FIELDS = 3;
/** What a record is called while only its changed fields are known. */
const UNNAMED: Record<Entity, string> = { account: 'An account', contact: 'A contact', case: 'A case' };

/** Shows the newest changes; pausing keeps the list still. */
export function ChangeList() {
  const recent = useRecent();
  const earlier = useEarlier();
  const live = useLiveState();
  const [held, setHeld] = useState<readonly ChangeRow[] | undefined>();
  const known = new Set(recent.map(sameness));
  const all = [...recent, ...earlier.filter((it) => !known.has(sameness(it)))].slice(0, N_SHOWN);
  const shown = held ?? all;
  const isPaused = held !== undefined;
  const pause = (
    <button type="button" class="button button-small" aria-pressed={isPaused} onClick={() => setHeld(isPaused ? undefined : all)}>
      <Icon name={isPaused ? 'play' : 'pause'} size={14} />
      {isPaused ? 'Resume' : 'Pause'}
    </button>
  );
  return (
    <Card title="Newest changes" id="newest" flush note={isPaused ? 'paused' : undefined} actions={pause}>
      {shown.length === 0 ? (
        <Empty title="No changes yet">
          {live === 'live' ? 'Edit a record in Salesforce, and it appears here within a second.' : 'They appear here as soon as the live connection stands.'}
        </Empty>
      ) : (
        <ol class="changes">
          {shown.map((it) => <Row key={sameness(it)} change={it} />)}
        </ol>
      )}
    </Card>
  );
}

function Row({ change }: { change: ChangeRow }) {
  const [kind, tone] = KIND[change.kind];
  const label = change.label ?? UNNAMED[change.entity];
  const all = tellingFirst(change.fields);
  // Everything about a new record is new.
  const named = change.kind === 'created' ? [] : all.slice(0, N_FIELDS);
  const fields = named.map(fieldName).join(', ');
  const nMore = change.kind === 'created' ? 0 : all.length - N_FIELDS;
  return (
    <li class="change" data-seq={change.seq}>
      <span class="change-kind"><Pill tone={tone}>{kind}</Pill></span>
      <span class="change-what">
        {change.entity === 'case' && change.kind !== 'deleted'
          ? <a href={hrefOf({ page: 'case', id: change.entity_id })}>{label}</a>
          : <span>{label}</span>}
        <span class="change-fields">
          {ENTITY[change.entity]}
          {fields !== '' && ` · ${fields}`}
          {nMore > 0 && ` and ${counted(nMore, 'more', 'more')}`}
        </span>
      </span>
      <span class="change-when">
        <Ago at={change.at} />
        {change.lag_ms !== null
          && <span class="muted" title="From accepted event to committed row">{duration(change.lag_ms)} lag</span>}
      </span>
    </li>
  );
}

/** Puts the status first, and leaves out what only follows from it. */
function tellingFirst(fields: readonly string[]): readonly string[] {
  if (!fields.includes('status')) return fields;
  return ['status', ...fields.filter((it) => it !== 'status' && it !== 'is_closed')];
}

/** Reads what was committed before the page was opened: audit rows, and the names of the cases that changed last. */
function useEarlier(): readonly ChangeRow[] {
  const { api } = useServices();
  const [rows, setRows] = useState<readonly ChangeRow[]>([]);
  const seesAudit = useMay('audit:read');
  useEffect(() => {
    if (!seesAudit) return undefined;
    const stop = new AbortController();
    // Without them the list is shorter, which is no reason to show a problem.
    const asks = [api.audit(N_SHOWN, stop.signal), api.cases({ limit: 2 * N_SHOWN }, stop.signal)] as const;
    Promise.all(asks).then(([page, cases]) => {
      const names = new Map(cases.items.map((it) => [it.id, [it.docket_number, caseName(it)].filter(Boolean).join(' · ')]));
      setRows(page.items.map((row) => changeOf(row, names.get(row.entity_id))));
    }, () => undefined);
    return () => stop.abort();
  }, [api, seesAudit]);
  return rows;
}

function changeOf(row: AuditRow, known: string | undefined): ChangeRow {
  const name = (field: string): string | undefined => {
    const found = row.changes.find((it) => it.field === field)?.after;
    return typeof found === 'string' ? found : undefined;
  };
  const person = [name('first_name'), name('last_name')].filter((it) => it !== undefined).join(' ');
  const label = [name('docket_number'), name('title') ?? name('name') ?? (row.entity === 'contact' ? person : undefined)]
    .filter((it) => it !== undefined && it !== '').join(' · ');
  return {
    seq: row.seq,
    at: row.at,
    entity: row.entity,
    entity_id: row.entity_id,
    kind: row.kind,
    label: known ?? (label === '' ? null : label),
    fields: row.changes.map((it) => it.field),
    lag_ms: Math.max(0, Date.parse(row.at) - Date.parse(row.received_at)),
    correlation_id: row.correlation_id,
  };
}

function sameness(it: ChangeRow): string {
  return `${it.entity_id} ${it.at} ${it.correlation_id}`;
}
