// The connections to other systems, and what each sync run did.
import { useState } from 'preact/hooks';
import type { Integration, IntegrationObject, SyncRun } from '../api/types';
import { count, counted, duration } from '../format';
import { useLoad } from '../load';
import { Card, Fact, Facts, PageHead } from '../parts/frame';
import { Answer, Empty } from '../parts/states';
import { Ago, OrNothing, Pill, When } from '../parts/text';
import { useServices } from '../services';
import { fieldName, HEALTH, OUTCOME } from '../words';
import { Resilience } from './resilience';

const REFRESH_EVERY_MS = 10_000;
const N_RUNS = 50;
const N_RUNS_AT_FIRST = 12;

export function IntegrationsPage() {
  const { api } = useServices();
  const integrations = useLoad('integrations', (signal) => api.integrations(signal), REFRESH_EVERY_MS);
  const runs = useLoad('runs', (signal) => api.syncRuns(N_RUNS, signal), REFRESH_EVERY_MS);
  return (
    <>
      <PageHead title="Integrations" lead="Each connection, how healthy it is, and how far it has read." />
      <div class="stack">
        <Answer of={integrations} lines={8}>
          {({ items }) => items.length === 0
            ? <div class="card"><Empty title="No integration is set up">Add a connection to the settings and start MoodBridge again.</Empty></div>
            : items.map((it) => <Connection key={it.id} it={it} />)}
        </Answer>
        <Resilience everyMs={REFRESH_EVERY_MS} />
        <Card title="Sync runs" id="runs" flush note="the newest first">
          <Answer of={runs} lines={8}>
            {({ items }) => items.length === 0
              ? <Empty title="No run yet">The delta poller writes one line for each object it reads.</Empty>
              : <Runs items={items} />}
          </Answer>
        </Card>
      </div>
    </>
  );
}

function Connection({ it }: { it: Integration }) {
  const [word, tone] = HEALTH[it.status];
  const id = `connection-${it.id}`;
  return (
    <Card title={it.title} id={id} note={it.platform === null ? it.id : `${fieldName(it.platform)} · ${it.id}`} actions={<Pill tone={tone}>{word}</Pill>}>
      {it.detail !== null && <p class={it.status === 'healthy' ? 'detail' : `detail tone-${tone}`}>{it.detail}</p>}
      <Facts>
        <Fact name="Last success"><Ago at={it.last_success_at} /></Fact>
        <Fact name="Checked"><Ago at={it.checked_at} /></Fact>
        <Fact name="API calls left today">{it.calls_left === null ? <span class="muted">not known</span> : count(it.calls_left)}</Fact>
      </Facts>
      {it.objects.length > 0 && <Objects items={it.objects} name={it.title} />}
    </Card>
  );
}

function Objects({ items, name }: { items: readonly IntegrationObject[]; name: string }) {
  return (
    <table class="table table-cards table-compact table-inset">
      <caption class="unseen">Objects of {name}</caption>
      <thead>
        <tr>
          <th scope="col">Object</th>
          <th scope="col">Read up to</th>
          <th scope="col">Last run</th>
          <th scope="col" class="number">Read</th>
          <th scope="col" class="number">New</th>
          <th scope="col">Started</th>
        </tr>
      </thead>
      <tbody>
        {items.map((it) => (
          <tr key={it.object}>
            <th scope="row" class="cell-title">{it.object}</th>
            <td data-label="Read up to" class="nowrap cell-wide"><When at={it.cursor_at} style="seconds" /></td>
            <td data-label="Last run" class="cell-wide">{it.last_run === null ? <span class="muted">never</span> : <Outcome run={it.last_run} />}</td>
            <td data-label="Read" class="number">{count(it.last_run?.n_read)}</td>
            <td data-label="New" class="number">{count(it.last_run?.n_queued)}</td>
            <td data-label="Started" class="nowrap"><Ago at={it.last_run?.started_at} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Outcome({ run }: { run: SyncRun }) {
  const [word, tone] = OUTCOME[run.outcome];
  return (
    <span>
      <Pill tone={tone}>{word}</Pill>
      {run.error !== null && <span class="row-note row-error">{run.error}</span>}
    </span>
  );
}

function Runs({ items }: { items: readonly SyncRun[] }) {
  const [isAll, setAll] = useState(false);
  const nHidden = isAll ? 0 : items.length - N_RUNS_AT_FIRST;
  return (
    <>
      <RunTable items={nHidden > 0 ? items.slice(0, N_RUNS_AT_FIRST) : items} />
      {nHidden > 0 && (
        <div class="load-more">
          <button type="button" class="button" onClick={() => setAll(true)}>Show {counted(nHidden, 'more run')}</button>
        </div>
      )}
    </>
  );
}

function RunTable({ items }: { items: readonly SyncRun[] }) {
  return (
    <table class="table table-cards table-compact table-dense">
      <caption class="unseen">Sync runs, the newest first; {counted(items.length, 'run')}</caption>
      <thead>
        <tr>
          <th scope="col">Object</th>
          <th scope="col">Connection</th>
          <th scope="col">Outcome</th>
          <th scope="col" class="number">Read</th>
          <th scope="col" class="number">New</th>
          <th scope="col" class="number">Took</th>
          <th scope="col">Started</th>
        </tr>
      </thead>
      <tbody>
        {items.map((it) => (
          <tr key={it.id}>
            <th scope="row" class="cell-title">{it.object}</th>
            <td data-label="Connection" class="cell-wide"><OrNothing>{it.connection}</OrNothing></td>
            <td data-label="Outcome" class="cell-wide"><Outcome run={it} /></td>
            <td data-label="Read" class="number">{count(it.n_read)}</td>
            <td data-label="New" class="number">{count(it.n_queued)}</td>
            <td data-label="Took" class="number">{it.ended_at === null ? <OrNothing>{null}</OrNothing> : duration(Date.parse(it.ended_at) - Date.parse(it.started_at))}</td>
            <td data-label="Started" class="nowrap cell-wide"><When at={it.started_at} style="seconds" /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
