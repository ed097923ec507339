// One pipeline: how good its rows were, its rules, its runs, and what it does.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { Problem } from '../api/problem';
import type { PipelineDefinition, PipelineDetail, PipelineQuality, PipelineSchedule, RuleQuality, RunQuality } from '../api/types';
import { count, counted, instant } from '../format';
import { useLoad } from '../load';
import { usePaged } from '../more';
import { Confirm } from '../parts/confirm';
import { Card, Fact, Facts, PageHead } from '../parts/frame';
import { Icon } from '../parts/icons';
import { LoadMore } from '../parts/load-more';
import { RunTable } from '../parts/run-table';
import { Answer, Empty, ProblemBox } from '../parts/states';
import { Ago, OrNothing, Pill } from '../parts/text';
import { go, hrefOf } from '../router';
import { useMay, useServices } from '../services';
import { RULE_ACTION, RUN_STATE } from '../words';

function worstOf(items: readonly RunQuality[]): number {
  return Math.min(...items.map((it) => it.passed_percent ?? 100));
}

/** Writes a share so that 100 % is said only when every row passed. */
export function share(percent: number | null): string {
  if (percent === null) return 'no rows';
  return percent >= 100 ? '100 %' : `${(Math.floor(percent * 100) / 100).toFixed(2)} %`;
}

/** How high the column of a run is, in percent of the strip: from the worst of them, and never nothing. */
export function height(percent: number | null, worst: number): number {
  if (percent === null) return 4;
  const floor = Math.min(worst, 99);
  return Math.max(8, (100 * (percent - floor + (100 - floor) * 0.1)) / ((100 - floor) * 1.1));
}

export function PipelinePage({ name }: { name: string }) {
  const { api } = useServices();
  const loaded = useLoad(`pipeline ${name}`, (signal) => api.pipeline(name, signal));
  return (
    <>
      <a class="back" href={hrefOf({ page: 'pipelines' })}><Icon name="back" size={16} />All pipelines</a>
      <Answer of={loaded} lines={8}>{(it) => <One it={it} />}</Answer>
    </>
  );
}

function One({ it }: { it: PipelineDetail }) {
  const { api } = useServices();
  const mayRun = useMay('pipelines:run') && it.is_valid;
  const quality = useLoad(`quality ${it.name}`, (signal) => api.quality(it.name, signal));
  return (
    <>
      <PageHead title={it.name} tab={`Pipeline ${it.name}`} lead={it.about ?? undefined}>{mayRun && <Start name={it.name} />}</PageHead>
      <div class="stack">
        {!it.is_valid && <Faults it={it} />}
        <Answer of={quality} lines={6}>{(data) => <Quality data={data} definition={it.definition} />}</Answer>
        <Runs name={it.name} />
        {it.definition !== null && <Definition it={it.definition} schedule={it.schedule} />}
      </div>
    </>
  );
}

function Start({ name }: { name: string }) {
  const { api } = useServices();
  const [key, setKey] = useState<string | undefined>();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const start = async (): Promise<void> => {
    setBusy(true);
    try {
      // The key was made when the dialog opened: a second press, or a lost answer, starts no second run.
      const run = await api.startPipeline(name, key ?? '');
      announce(`A run of ${name} is queued`);
      go({ page: 'run', id: run.id });
    } catch (thrown) {
      setProblem(Problem.from(thrown));
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" class="button button-main" onClick={() => setKey(`dashboard-${Date.now()}-${Math.random().toString(36).slice(2)}`)}>Run now</button>
      {key !== undefined && (
        <Confirm title={`Run ${name} now?`} yes="Run" isBusy={isBusy} onYes={() => void start()} onNo={() => { setKey(undefined); setProblem(undefined); }}>
          <p>All of its files are read. Its output is replaced when the gate is open, and stays as it is when it is not.</p>
          {problem !== undefined && <ProblemBox problem={problem} />}
        </Confirm>
      )}
    </>
  );
}

function Faults({ it }: { it: PipelineDetail }) {
  return (
    <Card title="It cannot be used" id="faults" note={counted(it.faults.length, 'fault')}>
      <ul class="faults">
        {it.faults.map((one) => <li key={`${one.line} ${one.path} ${one.text}`}><code>{one.file}:{one.line}</code> {one.path !== '' && <code>{one.path}</code>} {one.text}</li>)}
      </ul>
    </Card>
  );
}

function Quality({ data, definition }: { data: PipelineQuality; definition: PipelineDefinition | null }) {
  const [last] = data.items;
  if (last === undefined) {
    return <Card title="Quality" id="quality"><Empty title="No run came to a verdict yet">After the first one, the share of good rows and the rules that were broken stand here.</Empty></Card>;
  }
  const nShut = data.items.filter((it) => it.state === 'refused').length;
  const nRead = data.items.reduce((sum, it) => sum + it.counts.n_read, 0);
  const nRejected = data.items.reduce((sum, it) => sum + it.counts.n_rejected, 0);
  const isShort = last.passed_percent !== null && definition !== null && last.passed_percent < definition.threshold_percent;
  return (
    <>
      <section class="figures figures-four" aria-label="Quality in figures">
        <Figure name="Good rows, last run" value={share(last.passed_percent)} note={definition === null ? undefined : `at least ${definition.threshold_percent} %`} tone={isShort ? 'bad' : undefined} />
        <Figure name={`Good rows, ${counted(data.items.length, 'run')}`} value={share(nRead === 0 ? null : (100 * (nRead - nRejected)) / nRead)} note={`${count(nRejected)} of ${count(nRead)} rejected`} />
        <Figure name="Gate shut" value={count(nShut)} note={`of ${counted(data.items.length, 'run')}`} tone={nShut > 0 ? 'warn' : undefined} />
        <Figure name="Rules broken, last run" value={count(last.rules.filter((it) => it.n_failed > 0).length)} note={`of ${counted(last.rules.length, 'rule')}`} />
      </section>
      {data.items.length > 1 && <Card title="Run by run" id="run-by-run" note={`${data.is_cut ? 'older ones are left out, ' : ''}the newest on the right, the lowest at ${share(worstOf(data.items))}`}><Strip items={data.items} /></Card>}
      <Card title="Rules" id="rules" flush note={`over ${counted(data.items.length, 'run')}`}><Rules items={data.rules} definition={definition} /></Card>
    </>
  );
}

function Figure({ name, value, note, tone }: { name: string; value: string; note?: string | undefined; tone?: string | undefined }) {
  return (
    <div class="figure">
      <h2 class="figure-name">{name}</h2>
      <p class={tone === undefined ? 'figure-value' : `figure-value tone-${tone}`}>{value}</p>
      {note !== undefined && <p class="figure-below">{note}</p>}
    </div>
  );
}

/** A column for each run, as high as its share of good rows; each leads to its run. */
function Strip({ items }: { items: readonly RunQuality[] }) {
  const worst = worstOf(items);
  return (
    <ol class="strip">
      {[...items].reverse().map((it) => {
        const [word, tone] = RUN_STATE[it.state];
        const text = `${instant(it.requested_at)}: ${share(it.passed_percent)} good, ${word.toLowerCase()}`;
        return (
          <li key={it.id}>
            <a class={`strip-run tone-${tone}`} href={hrefOf({ page: 'run', id: it.id })} title={text}>
              <span class="strip-bar" style={{ height: `${height(it.passed_percent, worst)}%` }} aria-hidden="true" /><span class="unseen">{text}</span>
            </a>
          </li>
        );
      })}
    </ol>
  );
}

function Rules({ items, definition }: { items: readonly RuleQuality[]; definition: PipelineDefinition | null }) {
  const columnsOf = (rule: string): string => definition?.rules.find((it) => it.rule === rule)?.columns.join(', ') ?? '';
  return (
    <table class="table table-cards">
      <caption class="unseen">Rules, the one that was broken most often first</caption>
      <thead><tr><th scope="col">Rule</th><th scope="col">A row that breaks it</th><th scope="col" class="number">Rows checked</th><th scope="col" class="number">Broke it</th><th scope="col">In runs</th></tr></thead>
      <tbody>
        {items.map((it) => (
          <tr key={it.rule}>
            <th scope="row" class="cell-title">{it.rule}{columnsOf(it.rule) !== '' && <span class="row-note">{columnsOf(it.rule)}</span>}</th>
            <td data-label="Action">{RULE_ACTION[it.action]}</td>
            <td class="number" data-label="Checked">{count(it.n_checked)}</td>
            <td class={it.n_failed > 0 ? 'number tone-warn' : 'number'} data-label="Broke it">{count(it.n_failed)}</td>
            <td data-label="In runs">{it.n_runs_broken === 0 ? <Pill tone="good">Kept in all</Pill> : <Pill tone={it.action === 'warn' ? 'info' : 'warn'}>{`${count(it.n_runs_broken)} of ${count(it.n_runs)}`}</Pill>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Runs({ name }: { name: string }) {
  const { api } = useServices();
  const runs = usePaged(
    `runs of ${name}`,
    (after: string | undefined, signal) => api.pipelineRuns({ pipeline: name, after, limit: 10 }, signal).then((it) => ({ items: it.items, next: it.next_after })),
    (n) => announce(`${counted(n, 'more run')} shown`),
  );
  return (
    <Card title="Runs" id="runs" flush note="the newest first">
      <Answer of={runs.first} lines={4}>
        {() => runs.items?.length === 0 ? <Empty title="It was not run yet" /> : <><RunTable items={runs.items ?? []} of={name} /><LoadMore of={runs} one="run" /></>}
      </Answer>
    </Card>
  );
}

function Definition({ it, schedule }: { it: PipelineDefinition; schedule: PipelineSchedule | null }) {
  return (
    <Card title="What it does" id="definition">
      <Facts>
        <Fact name="Reads"><code class="address">{it.source}</code></Fact>
        <Fact name="Writes"><code class="address">{it.sink}</code></Fact>
        <Fact name="Sets rejects aside in">{it.quarantine === null ? <OrNothing>{null}</OrNothing> : <code class="address">{it.quarantine}</code>}</Fact>
        <Fact name="Rows that must pass">{it.threshold_percent} %</Fact>
        <Fact name="Runs by itself">{schedule === null ? <OrNothing>{null}</OrNothing> : <>{schedule.text}, next <Ago at={schedule.next_at} /></>}</Fact>
      </Facts>
      <ol class="pipeline-steps">{it.steps.map((one) => <li key={one.path}><b>{one.step}</b> {one.does}</li>)}</ol>
      <details>
        <summary>Where each column comes from</summary>
        <table class="table table-dense table-inset table-cards">
          <thead><tr><th scope="col">Column</th><th scope="col">From</th><th scope="col">By</th></tr></thead>
          <tbody>
            {it.lineage.map((one) => (
              <tr key={one.column}>
                <th scope="row">{one.column}</th>
                <td data-label="From"><OrNothing>{one.from.join(', ')}</OrNothing></td>
                <td data-label="By"><OrNothing>{one.by.join(', ')}</OrNothing></td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </Card>
  );
}
