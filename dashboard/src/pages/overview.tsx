// The first page: how many, how fresh, how healthy, and what just changed.
import { useCallback, useEffect } from 'preact/hooks';
import type { Integration, Overview, QueueState, StatusCount } from '../api/types';
import { count, counted, duration } from '../format';
import { noteServerTime } from '../live/clock';
import { useOnChange } from '../live/use-live';
import { useLoad } from '../load';
import { ChangeList } from '../parts/change-list';
import { DayChart } from '../parts/day-chart';
import { Card, PageHead } from '../parts/frame';
import { loadPlot } from '../parts/load-plot';
import { Empty, ProblemBox, Skeleton } from '../parts/states';
import { Ago, Pill } from '../parts/text';
import { hrefOf } from '../router';
import { useMay, useServices } from '../services';
import { HEALTH, STATUSES } from '../words';

const N_DAYS = 30;
const REFRESH_AT_MOST_EVERY_MS = 1_000;
/** Without changes too, figures such as "in the last minute" move. */
const REFRESH_AT_LEAST_EVERY_MS = 15_000;
const everyChange = (): boolean => true;

export function OverviewPage() {
  const { api } = useServices();
  const ask = useCallback(async (signal: AbortSignal) => {
    const overview = await api.overview(N_DAYS, signal);
    noteServerTime(overview.as_of);
    return overview;
  }, [api]);
  const loaded = useLoad('overview', ask, REFRESH_AT_LEAST_EVERY_MS);
  useOnChange(REFRESH_AT_MOST_EVERY_MS, everyChange, loaded.reload);
  // Asked for beside the figures, not after them; without it there is still the table.
  useEffect(() => void loadPlot().catch(() => undefined), []);
  const { data, problem } = loaded;
  return (
    <>
      <PageHead title="Overview" lead="Cases from Salesforce, as they stand right now." />
      {problem !== undefined && <ProblemBox problem={problem} retry={loaded.reload} />}
      {data !== undefined && <Answered data={data} />}
      {data === undefined && problem === undefined && <Waiting />}
    </>
  );
}

function Answered({ data }: { data: Overview }) {
  const seesIntegrations = useMay('integrations:read');
  const seesQueues = useMay('queues:read');
  const follows = useMay('changes:follow');
  const connections = seesIntegrations && <Connections items={data.integrations} />;
  if (data.n_cases + data.n_accounts + data.n_contacts === 0 && data.last_change_at === null) {
    return (
      <>
        <div class="card">
          <Empty title="Nothing has been synced yet">
            Connect a Salesforce org, or start <code>moodbridge dev</code>, which brings a sandbox org with it.
            The first records appear here by themselves.
          </Empty>
        </div>
        <div class="grid-main">{follows && <ChangeList />}{connections}</div>
      </>
    );
  }
  return (
    <>
      <Figures data={data} />
      <div class="grid-main">
        <DayChart days={data.by_day} />
        <ByStatus items={data.by_status} />
        {(seesIntegrations || seesQueues) ? (
          <>
            {follows && <ChangeList />}
            <div class="stack">
              {connections}
              {seesQueues && <Queues items={data.queues} />}
            </div>
          </>
        ) : follows && <div class="grid-whole"><ChangeList /></div>}
      </div>
    </>
  );
}

function Figures({ data }: { data: Overview }) {
  const lag = data.sync_lag;
  return (
    <section class="figures" aria-label="Key figures">
      <Figure name="Open cases" value={count(data.n_open_cases)} below={`of ${counted(data.n_cases, 'case')}`} id="n-open" />
      <Figure name="Accounts" value={count(data.n_accounts)} below="clients and firms" id="n-accounts" />
      <Figure name="Contacts" value={count(data.n_contacts)} below="people" id="n-contacts" />
      <Figure name="Changes" value={count(data.n_changes_last_minute)} below="in the last minute" id="n-changes" />
      <Figure
        name="Sync lag" value={duration(lag.p50_ms)} id="lag"
        below={lag.n_samples === 0 ? 'no changes measured yet' : `median; 99% under ${duration(lag.p99_ms)}`}
      />
      <Figure name="Last change" value={<Ago at={data.last_change_at} />} below="committed to the case store" id="freshness" />
    </section>
  );
}

function Figure({ name, value, below, id }: { name: string; value: preact.ComponentChildren; below: string; id: string }) {
  return (
    <div class="figure" data-figure={id}>
      <h2 class="figure-name">{name}</h2>
      <p class="figure-value">{value}</p>
      <p class="figure-below">{below}</p>
    </div>
  );
}

/** Puts statuses as cases go through them; those of another mapping come before the closed ones, most first. */
function inOrderOfWork(items: readonly StatusCount[]): readonly StatusCount[] {
  const place = (status: string | null): number => {
    const at = STATUSES.indexOf(status ?? '');
    return at === -1 ? STATUSES.indexOf('Settled') - 0.5 : at;
  };
  return [...items].sort((a, b) => place(a.status) - place(b.status) || b.n_cases - a.n_cases);
}

function ByStatus({ items }: { items: readonly StatusCount[] }) {
  const most = Math.max(1, ...items.map((it) => it.n_cases));
  return (
    <Card title="Cases by status" id="by-status">
      {items.length === 0 && <Empty title="No cases yet" />}
      <ul class="bars">
        {inOrderOfWork(items).map((it) => {
          const width = `${Math.max(0.5, (it.n_cases / most) * 100)}%`;
          const isClosed = it.status === 'Closed' || it.status === 'Settled';
          const inside = (
            <>
              <span class="bar-name">{it.status ?? 'No status'}</span>
              <span class="bar-count">{count(it.n_cases)}</span>
              <span class="bar-track" aria-hidden="true"><span class={isClosed ? 'bar-fill is-closed' : 'bar-fill'} style={{ width }} /></span>
            </>
          );
          return (
            <li key={it.status ?? ''}>
              {it.status === null
                ? <span class="bar-row">{inside}</span>
                : <a class="bar-row" href={hrefOf({ page: 'cases', filter: { status: it.status } })}>{inside}</a>}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function Connections({ items }: { items: readonly Integration[] }) {
  return (
    <Card title="Integrations" id="connections" actions={<a class="more" href={hrefOf({ page: 'integrations' })}>Details<span class="unseen"> of integrations</span></a>}>
      {items.length === 0 && <Empty title="No integration is set up">Add a connection to the settings and start MoodBridge again.</Empty>}
      <ul class="lines">
        {items.map((it) => {
          const [word, tone] = HEALTH[it.status];
          return (
            <li key={it.id} class="line">
              <span class="line-main">
                <span class="line-title">{it.title}</span>
                <span class="line-note">{it.detail ?? <>last success <Ago at={it.last_success_at} /></>}</span>
              </span>
              <Pill tone={tone}>{word}</Pill>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function Queues({ items }: { items: readonly QueueState[] }) {
  return (
    <Card title="Queues" id="queues" actions={<a class="more" href={hrefOf({ page: 'queues', queue: undefined })}>Details<span class="unseen"> of queues</span></a>}>
      {items.length === 0 && <Empty title="No queue is in use" />}
      <ul class="lines">
        {items.map((it) => (
          <li key={it.name} class="line">
            <span class="line-main">
              <span class="line-title">{it.name}</span>
              <span class="line-note">
                {counted(it.n_ready + it.n_delayed, 'message waits', 'messages wait')}, {count(it.n_in_flight)} in work
                {it.oldest_sent_at !== null && <>, oldest <Ago at={it.oldest_sent_at} /></>}
              </span>
            </span>
            {it.n_dead === 0
              ? <Pill tone="good">None dead</Pill>
              : <a class="pill-link" href={hrefOf({ page: 'queues', queue: it.name })}><Pill tone="bad">{`${count(it.n_dead)} dead`}</Pill></a>}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Waiting() {
  return (
    <>
      <div class="figures" aria-hidden="true">
        {Array.from({ length: 6 }, (_, at) => <div key={at} class="figure"><Skeleton lines={3} height={18} /></div>)}
      </div>
      <div class="grid-main">
        <div class="card card-tall"><Skeleton lines={8} label="Loading the overview" /></div>
        <div class="card card-tall"><Skeleton lines={8} /></div>
      </div>
    </>
  );
}
