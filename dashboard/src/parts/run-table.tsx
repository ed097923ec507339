// Runs of pipelines as a table: how each stands, its rows, and who asked for it.
import type { PipelineRunItem, RunCounts } from '../api/types';
import { count, counted } from '../format';
import { hrefOf } from '../router';
import { actorName, RUN_STATE } from '../words';
import { Ago, Pill } from './text';

export function RunTable({ items, of }: { items: readonly PipelineRunItem[]; of?: string }) {
  return (
    <table class="table table-cards">
      <caption class="unseen">{of === undefined ? 'Runs, the newest first' : `Runs of ${of}, the newest first`}</caption>
      <thead>
        <tr><th scope="col">{of === undefined ? 'Pipeline' : 'Asked for'}</th><th scope="col">State</th><th scope="col" class="number">Read</th><th scope="col" class="number">Rejected</th><th scope="col" class="number">Written</th><th scope="col">Files</th></tr>
      </thead>
      <tbody>
        {items.map((it) => (
          <tr key={it.id}>
            <th scope="row" class="cell-title">
              <a href={hrefOf({ page: 'run', id: it.id })}>{of === undefined ? it.pipeline : <Ago at={it.requested_at} />}<span class="unseen">, the run</span></a>
              <span class="row-note">{of === undefined && <><Ago at={it.requested_at} /> · </>}{actorName(it.started_by)}{it.kind === 'replay' && ' · rows put right'}</span>
            </th>
            <td data-label="State"><RunState it={it} /></td>
            <Rows counts={it.counts} />
            <td data-label="Files">{partsOf(it)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The state of a run or a partition, and what there is to know of its end. */
export function RunState({ it }: { it: Pick<PipelineRunItem, 'state' | 'message'> }) {
  const [word, tone] = RUN_STATE[it.state];
  return <><Pill tone={tone}>{word}</Pill>{it.message !== null && <span class="row-note run-message">{it.message}</span>}</>;
}

export function Rows({ counts }: { counts: RunCounts }) {
  return (
    <>
      <td class="number" data-label="Read">{count(counts.n_read)}</td>
      <td class={counts.n_rejected > 0 ? 'number tone-warn' : 'number'} data-label="Rejected">{count(counts.n_rejected)}</td>
      <td class="number" data-label="Written">{count(counts.n_out)}</td>
    </>
  );
}

function partsOf(it: PipelineRunItem): string {
  if (it.n_partitions === null) return 'not looked up yet';
  const nDone = it.partition_states.find((one) => one.state === 'succeeded')?.n_partitions ?? 0;
  return nDone === it.n_partitions ? counted(it.n_partitions, 'file') : `${count(nDone)} of ${counted(it.n_partitions, 'file')}`;
}
