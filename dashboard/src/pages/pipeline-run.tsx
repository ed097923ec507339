// One run of a pipeline: how it ended and why, its files, and what became of each rule.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { Problem } from '../api/problem';
import type { PartitionRun, PipelineRunDetail, RuleReport } from '../api/types';
import { count, counted, duration } from '../format';
import { useLoad } from '../load';
import { Card, Fact, Facts, PageHead } from '../parts/frame';
import { Icon } from '../parts/icons';
import { Rows, RunState } from '../parts/run-table';
import { Answer, Empty, ProblemBox } from '../parts/states';
import { CopyCode, OrNothing, Pill, When } from '../parts/text';
import { hrefOf } from '../router';
import { useMay, useServices } from '../services';
import { actorName, RULE_ACTION, RUN_STATE } from '../words';

const REFRESH_EVERY_MS = 3_000;

/** Tells whether nothing more happens to a run by itself. */
export function isEnded(state: PipelineRunDetail['state']): boolean {
  return state !== 'queued' && state !== 'running';
}

export function RunPage({ id }: { id: string }) {
  const { api } = useServices();
  const [isOver, setOver] = useState(false);
  const ask = async (signal: AbortSignal): Promise<PipelineRunDetail> => {
    const run = await api.pipelineRun(id, signal);
    setOver(isEnded(run.state));
    return run;
  };
  const loaded = useLoad(`run ${id}`, ask, isOver ? undefined : REFRESH_EVERY_MS);
  return (
    <Answer of={loaded} lines={8}>{(it) => <Run it={it} reload={() => { setOver(false); loaded.reload(); }} />}</Answer>
  );
}

function Run({ it, reload }: { it: PipelineRunDetail; reload: () => void }) {
  const [word, tone] = RUN_STATE[it.state];
  const took = it.started_at === null || it.finished_at === null ? null : Date.parse(it.finished_at) - Date.parse(it.started_at);
  return (
    <>
      <a class="back" href={hrefOf({ page: 'pipeline', name: it.pipeline })}><Icon name="back" size={16} />{it.pipeline}</a>
      <PageHead title="Run" tab={`Run of ${it.pipeline}`} lead={<><Pill tone={tone}>{word}</Pill>{it.message !== null && <span class="run-why"> {it.message}</span>}</>}>
        <Orders it={it} reload={reload} />
      </PageHead>
      <div class="stack">
        <Card title="What became of it" id="facts">
          <Facts>
            <Fact name="Asked for"><When at={it.requested_at} style="seconds" /></Fact>
            <Fact name="By">{actorName(it.started_by)}{it.kind === 'replay' && ', over rows that were put right'}</Fact>
            <Fact name="Took">{duration(took)}</Fact>
            <Fact name="Try">{it.round}</Fact>
            <Fact name="Rows read">{count(it.counts.n_read)}</Fact>
            <Fact name="Filtered out">{count(it.counts.n_filtered)}</Fact>
            <Fact name="Rejected">{count(it.counts.n_rejected)}</Fact>
            <Fact name="Written">{count(it.counts.n_out)}</Fact>
            <Fact name="Id"><CopyCode text={it.id} name="id of the run" /></Fact>
          </Facts>
        </Card>
        <Card title="Rules" id="rules" flush><Rules items={it.rules} /></Card>
        <Card title="Files" id="files" flush note={it.n_partitions === null ? undefined : counted(it.partitions.length, 'file')}><Files items={it.partitions} /></Card>
      </div>
    </>
  );
}

function Orders({ it, reload }: { it: PipelineRunDetail; reload: () => void }) {
  const { api } = useServices();
  const mayRun = useMay('pipelines:run');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const order = async (said: string, ask: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    await ask().then(() => announce(said), (thrown: unknown) => setProblem(Problem.from(thrown)));
    setBusy(false);
    reload();
  };
  if (!mayRun) return null;
  return (
    <>
      {problem !== undefined && <ProblemBox problem={problem} />}
      {!isEnded(it.state) && <button type="button" class="button" disabled={isBusy} onClick={() => void order('The run is cancelled', () => api.cancelRun(it.id))}>Cancel</button>}
      {isEnded(it.state) && it.state !== 'succeeded' && (
        <button type="button" class="button button-main" disabled={isBusy} onClick={() => void order('What did not succeed is queued again', () => api.retryRun(it.id))}>Do the rest again</button>
      )}
    </>
  );
}

function Rules({ items }: { items: readonly RuleReport[] }) {
  if (items.length === 0) return <Empty title="No rule was checked yet" />;
  return (
    <table class="table table-cards">
      <caption class="unseen">What became of each rule</caption>
      <thead><tr><th scope="col">Rule</th><th scope="col">A row that breaks it</th><th scope="col" class="number">Checked</th><th scope="col" class="number">Broke it</th><th scope="col">Verdict</th></tr></thead>
      <tbody>
        {items.map((it) => (
          <tr key={it.rule}>
            <th scope="row" class="cell-title">{it.rule}{it.found !== undefined && <span class="row-note">{it.found}</span>}</th>
            <td data-label="Action">{RULE_ACTION[it.action]}</td>
            <td class="number" data-label="Checked">{count(it.n_checked)}</td>
            <td class="number" data-label="Broke it">{count(it.n_failed)}</td>
            <td data-label="Verdict">{it.n_failed === 0 ? <Pill tone="good">Kept</Pill> : <Pill tone={it.action === 'warn' ? 'info' : 'warn'}>Broken</Pill>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Files({ items }: { items: readonly PartitionRun[] }) {
  if (items.length === 0) return <Empty title="Its files are not looked up yet">This happens when the first one is begun.</Empty>;
  return (
    <table class="table table-cards">
      <caption class="unseen">The files of the run</caption>
      <thead><tr><th scope="col">File</th><th scope="col">State</th><th scope="col" class="number">Read</th><th scope="col" class="number">Rejected</th><th scope="col" class="number">Written</th><th scope="col">Where</th></tr></thead>
      <tbody>
        {items.map((it) => (
          <tr key={it.number}>
            <th scope="row" class="cell-title">{it.name === '' ? 'The one file' : it.name}{it.n_attempts > 1 && <span class="row-note">{counted(it.n_attempts, 'try', 'tries')}</span>}</th>
            <td data-label="State"><RunState it={it} /></td>
            <Rows counts={it.counts} />
            <td data-label="Where">
              {it.output === null && it.quarantine === null && <OrNothing>{null}</OrNothing>}
              {it.output !== null && <code class="address">{it.output}</code>}
              {it.quarantine !== null && <span class="row-note">rejects in <code class="address">{it.quarantine}</code></span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
