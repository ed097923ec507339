// The pipelines, how the last run of each ended, and the newest runs of all.
import { announce } from '../announce';
import type { PipelineItem } from '../api/types';
import { counted } from '../format';
import { useLoad } from '../load';
import { usePaged } from '../more';
import { Card, PageHead } from '../parts/frame';
import { LoadMore } from '../parts/load-more';
import { RunState, RunTable } from '../parts/run-table';
import { Answer, Empty } from '../parts/states';
import { Ago, OrNothing, Pill } from '../parts/text';
import { hrefOf } from '../router';
import { useServices } from '../services';

const REFRESH_EVERY_MS = 15_000;

export function PipelinesPage() {
  const { api } = useServices();
  const list = useLoad('pipelines', (signal) => api.pipelines(signal), REFRESH_EVERY_MS);
  return (
    <>
      <PageHead title="Pipelines" lead="What is brought into shape, how good its rows are, and how each run ended." />
      <div class="stack">
        <Card title="Pipelines" id="pipelines" flush>
          <Answer of={list} lines={4}>
            {({ items }) => items.length === 0
              ? <Empty title="No pipeline is defined">Put a definition where pipelines are kept, such as <code>clean-cases.yaml</code>.</Empty>
              : <Pipelines items={items} />}
          </Answer>
        </Card>
        <Runs />
      </div>
    </>
  );
}

function Pipelines({ items }: { items: readonly PipelineItem[] }) {
  return (
    <table class="table table-cards">
      <caption class="unseen">Pipelines, by name</caption>
      <thead><tr><th scope="col">Pipeline</th><th scope="col">Definition</th><th scope="col">Last run</th><th scope="col">When</th></tr></thead>
      <tbody>
        {items.map((it) => (
          <tr key={it.name}>
            <th scope="row" class="cell-title"><a href={hrefOf({ page: 'pipeline', name: it.name })}>{it.name}</a>{it.about !== null && <span class="row-note">{it.about}</span>}{it.schedule !== null && <span class="row-note">{it.schedule.text}</span>}</th>
            <td data-label="Definition">{it.is_valid ? <Pill tone="good">Can be used</Pill> : <Pill tone="bad">{counted(it.faults.length, 'fault')}</Pill>}</td>
            <td data-label="Last run">{it.last_run === null ? <OrNothing>{null}</OrNothing> : <RunState it={it.last_run} />}</td>
            <td data-label="When"><Ago at={it.last_run?.requested_at} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Runs() {
  const { api } = useServices();
  const runs = usePaged(
    'pipeline runs',
    (after: string | undefined, signal) => api.pipelineRuns({ after }, signal).then((it) => ({ items: it.items, next: it.next_after })),
    (n) => announce(`${counted(n, 'more run')} shown`),
  );
  return (
    <Card title="Runs" id="runs" flush note="the newest first">
      <Answer of={runs.first} lines={5}>
        {() => runs.items?.length === 0
          ? <Empty title="Nothing was run yet">A run is asked for here, by <code>moodbridge pipelines start</code>, by Airflow, or by the clock.</Empty>
          : <><RunTable items={runs.items ?? []} /><LoadMore of={runs} one="run" /></>}
      </Answer>
    </Card>
  );
}
