// Who changed what in a case, when, how it reached us, and the hash that proves it.
import { useEffect, useRef } from 'preact/hooks';
import { announce } from '../announce';
import type { AuditRow, FieldChange } from '../api/types';
import { counted } from '../format';
import { usePaged } from '../more';
import { useServices } from '../services';
import { actorName, CHANNEL, fieldName, fieldValue, KIND } from '../words';
import { Card } from './frame';
import { LoadMore } from './load-more';
import { Answer, Empty } from './states';
import { CopyCode, Pill, When } from './text';

const N_OPEN_CHANGES = 4;

/** `version` changes whenever the case does; then the newest rows are read again. */
export function AuditTrail({ caseId, version }: { caseId: string; version: string }) {
  const { api } = useServices();
  const paged = usePaged<AuditRow, number>(
    `audit ${caseId}`,
    async (before, signal) => {
      const page = await api.caseAudit(caseId, before, signal);
      return { items: page.items, next: page.next_before };
    },
    (n) => announce(`${counted(n, 'older entry', 'older entries')} loaded`),
  );
  const read = useRef(version);
  const reload = paged.first.reload;
  useEffect(() => {
    if (read.current !== version) reload();
    read.current = version;
  }, [version, reload]);
  return (
    <Card title="Audit trail" id="audit" flush note="every row carries the hash of the one before">
      <Answer of={paged.first} lines={6}>
        {() => (paged.items ?? []).length === 0 ? <Empty title="No entries">This case was not changed since MoodBridge keeps its audit log.</Empty> : (
          <>
            <table class="table table-cards table-audit">
              <caption class="unseen">Audit trail, the newest first</caption>
              <thead>
                <tr>
                  <th scope="col">When</th>
                  <th scope="col">Who</th>
                  <th scope="col">What changed</th>
                  <th scope="col">Proof</th>
                </tr>
              </thead>
              <tbody>{paged.items?.map((it) => <Row key={it.seq} row={it} />)}</tbody>
            </table>
            <LoadMore of={paged} one="entry" many="entries" />
          </>
        )}
      </Answer>
    </Card>
  );
}

function Row({ row }: { row: AuditRow }) {
  const [kind, tone] = KIND[row.kind];
  const first = row.changes.slice(0, N_OPEN_CHANGES);
  const more = row.changes.slice(N_OPEN_CHANGES);
  return (
    <tr>
      <td class="nowrap" data-label="When">
        <span><When at={row.at} style="seconds" /><span class="row-note">no. {row.seq}</span></span>
      </td>
      <td data-label="Who"><span>{actorName(row.actor)}<span class="row-note">by {(CHANNEL[row.channel] ?? fieldName(row.channel)).toLowerCase()}</span></span></td>
      <td data-label="What changed" class="cell-wide">
        <div>
          <Pill tone={tone}>{kind}</Pill>
          <Changes items={first} />
          {more.length > 0 && <details><summary>{counted(more.length, 'more field')}</summary><Changes items={more} /></details>}
        </div>
      </td>
      <td data-label="Proof" class="cell-proof">
        <dl class="proof">
          <div><dt>Correlation</dt><dd><CopyCode text={row.correlation_id} name="correlation ID" /></dd></div>
          <div><dt>Event</dt><dd><CopyCode text={row.event_id} name="event ID" /></dd></div>
          <div><dt>Hash</dt><dd><CopyCode text={row.hash} name="hash" /></dd></div>
        </dl>
      </td>
    </tr>
  );
}

function Changes({ items }: { items: readonly FieldChange[] }) {
  return (
    <ul class="field-changes">
      {items.map((it) => (
        <li key={it.field}>
          <span class="field-changed">{fieldName(it.field)}</span>{' '}
          {it.before !== null && (
            <><del><span class="unseen">from </span>{fieldValue(it.field, it.before)}</del> <span aria-hidden="true">→</span> </>
          )}
          <ins><span class="unseen">to </span>{fieldValue(it.field, it.after)}</ins>
        </li>
      ))}
    </ul>
  );
}
