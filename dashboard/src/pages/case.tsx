// One case: what it is, where it came from, what happened, and who changed what.
import { useCallback, useState } from 'preact/hooks';
import type { Tagged } from '../api/client';
import type { CaseDetail, ChangeRow, RowState } from '../api/types';
import { useOnChange } from '../live/use-live';
import { useLoad, type Loaded } from '../load';
import { AuditTrail } from '../parts/audit-trail';
import { Card, Fact, Facts, PageHead } from '../parts/frame';
import { Icon } from '../parts/icons';
import { Empty, ProblemBox, Skeleton } from '../parts/states';
import { Ago, CopyCode, OrNothing, Pill, StatusPill, When } from '../parts/text';
import { hrefOf } from '../router';
import { useMay, useServices } from '../services';
import { caseName, fieldName } from '../words';
import { EditForm, editable, FieldState, OutboxNote } from './case-edit';
import { Communications, Exhibits, Timeline } from './case-parts';
import { Walls } from './walls';
import { lastList } from './last-list';

export function CasePage({ id }: { id: string }) {
  const { api } = useServices();
  const mayWrite = useMay('cases:write');
  const loaded = useLoad(`case ${id}`, (signal) => api.case(id, signal));
  const { data, problem, reload } = loaded;
  const ids = [data?.id, data?.account_id, data?.contact_id].filter(Boolean).join(' ');
  const isMine = useCallback((change: ChangeRow) => ids.includes(change.entity_id), [ids]);
  useOnChange(1_000, isMine, reload);
  const isMissing = problem?.status === 404 && data === undefined;
  return (
    <>
      <a class="back" href={lastList()}><Icon name="back" size={16} />All cases</a>
      {isMissing && <Missing id={id} />}
      {problem !== undefined && !isMissing && <ProblemBox problem={problem} retry={reload} />}
      {data !== undefined && (mayWrite ? <Writable data={data} reload={reload} /> : <Known data={data} />)}
      {data === undefined && problem === undefined && <div class="card card-tall"><Skeleton lines={10} label="Loading the case" /></div>}
    </>
  );
}

function Missing({ id }: { id: string }) {
  return (
    <>
      <PageHead title="Case not found" />
      <div class="card">
        <Empty title="No case has this id" icon="search">
          <p><code>{id}</code> is neither one of our ids nor a Salesforce id that has been synced, or it is the id of a case that you do not see.</p>
          <a class="button" href={hrefOf({ page: 'cases', filter: {} })}>Search the cases</a>
        </Empty>
      </div>
    </>
  );
}

/** A case whose reader may change it: how it stands to the platform is read with it. */
function Writable({ data, reload }: { data: CaseDetail; reload: () => void }) {
  const { api } = useServices();
  // Anew with each version, and now and then: what is sent changes nothing that the case itself shows.
  const row = useLoad(`row ${data.id} ${data.updated_at}`, (signal) => api.caseState(data.id, signal), 10_000);
  return <Known data={data} row={row} reload={reload} />;
}

function Known({ data, row, reload }: { data: CaseDetail; row?: Loaded<Tagged<RowState>>; reload?: () => void }) {
  const seesWalls = useMay('walls:read');
  const seesAudit = useMay('audit:read');
  const lead = [data.docket_number, data.court].filter(Boolean).join(' · ');
  return (
    <>
      <PageHead title={caseName(data)} lead={lead === '' ? undefined : lead}>
        {data.is_deleted && <Pill tone="bad">Deleted at its source</Pill>}
        <StatusPill status={data.status} isClosed={data.is_closed} />
      </PageHead>
      <div class="grid-case">
        <div class="stack">
          <FactsCard data={data} row={row} reload={reload} />
          <Timeline items={data.timeline} />
          <Communications items={data.communications} />
        </div>
        <div class="stack">
          <Source data={data} />
          <Exhibits items={data.documents} />
          {seesWalls && <Walls caseId={data.id} name={caseName(data)} />}
        </div>
      </div>
      {seesAudit && <AuditTrail caseId={data.id} version={data.updated_at} />}
    </>
  );
}

function FactsCard({ data, row, reload }: { data: CaseDetail; row: Loaded<Tagged<RowState>> | undefined; reload: (() => void) | undefined }) {
  const [isEdited, setEdited] = useState(false);
  const state = row?.data?.value;
  const done = (isChanged: boolean): void => {
    setEdited(false);
    row?.reload();
    if (isChanged) reload?.();
  };
  const canEdit = state !== undefined && editable(state).length > 0;
  const actions = canEdit && !isEdited ? <button type="button" class="button button-small" onClick={() => setEdited(true)}>Edit</button> : undefined;
  return (
    <Card title="Facts" id="facts" actions={actions}>
      {state !== undefined && row !== undefined && <OutboxNote row={state} reload={row.reload} />}
      {isEdited && row !== undefined ? <EditForm of={row} onDone={done} /> : <CaseFacts data={data} row={state} />}
    </Card>
  );
}

/** Fields that the page shows outside of its facts. */
const ELSEWHERE = ['title', 'status', 'court', 'description'];

function CaseFacts({ data, row }: { data: CaseDetail; row: RowState | undefined }) {
  const elsewhere = ELSEWHERE.filter((it) => row?.fields.some((one) => one.field === it && one.state !== 'in_step'));
  return (
    <>
      {row !== undefined && elsewhere.length > 0 && (
        <ul class="field-states">{elsewhere.map((it) => <li key={it}>{fieldName(it)} <FieldState row={row} field={it} /></li>)}</ul>
      )}
      <Facts>
        <Fact name="Client">
          <OrNothing>{data.account_name}</OrNothing>
          {data.account_id !== null && (
            <a class="fact-link" href={hrefOf({ page: 'cases', filter: { account_id: data.account_id } })}>All cases of this client</a>
          )}
        </Fact>
        <Fact name="Contact"><OrNothing>{data.contact_name}</OrNothing></Fact>
        <Fact name="Practice area"><OrNothing>{data.practice_area}</OrNothing><FieldState row={row} field="practice_area" /></Fact>
        <Fact name="Priority"><OrNothing>{data.priority}</OrNothing><FieldState row={row} field="priority" /></Fact>
        <Fact name="Docket number"><OrNothing>{data.docket_number}</OrNothing><FieldState row={row} field="docket_number" /></Fact>
        <Fact name="Case number"><OrNothing>{data.case_number}</OrNothing></Fact>
        <Fact name="Origin"><OrNothing>{data.origin}</OrNothing><FieldState row={row} field="origin" /></Fact>
        <Fact name="Reason"><OrNothing>{data.reason}</OrNothing><FieldState row={row} field="reason" /></Fact>
        <Fact name="Opened"><When at={data.opened_at} /></Fact>
        <Fact name="Closed">{data.closed_at === null ? <span class="muted">{data.is_closed ? 'date not known' : 'still open'}</span> : <When at={data.closed_at} />}</Fact>
      </Facts>
      {data.description !== null && <div class="description"><p>{data.description}</p></div>}
    </>
  );
}

function Source({ data }: { data: CaseDetail }) {
  const source = data.source;
  return (
    <Card title="Source" id="source">
      {source === null ? (
        <Empty title="Not linked">This case has no record in another system.</Empty>
      ) : (
        <dl class="facts facts-single">
          <Fact name="Last synced"><Ago at={data.updated_at} /></Fact>
          <Fact name="Connection">{source.connection}</Fact>
          <Fact name="Object">{fieldName(source.object)}</Fact>
          <Fact name="Record ID"><CopyCode text={source.record_id} name="record ID" length={18} /></Fact>
          <Fact name="Version there"><When at={source.version} style="seconds" /></Fact>
          <Fact name="Our ID"><CopyCode text={data.id} name="case ID" length={18} /></Fact>
        </dl>
      )}
    </Card>
  );
}
