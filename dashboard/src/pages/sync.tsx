// How well both sides agree, what waits to be sent, and what the platform refused.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { Problem } from '../api/problem';
import type { Comparison, ObjectOutbox, OutboxItem } from '../api/types';
import { count, counted } from '../format';
import { useLoad } from '../load';
import { usePaged } from '../more';
import { Confirm } from '../parts/confirm';
import { Card, PageHead } from '../parts/frame';
import { LoadMore } from '../parts/load-more';
import { Answer, Empty, ProblemBox } from '../parts/states';
import { Ago, OrNothing, Pill } from '../parts/text';
import { hrefOf } from '../router';
import { useMay, useServices } from '../services';
import { COMPARED, ENTITY, TO_DO } from '../words';

const REFRESH_EVERY_MS = 10_000;

const DIFFERS: Record<Comparison['samples'][number]['kind'], string> = {
  missing_here: 'missing here', missing_there: 'missing there', fields: 'other values', row: 'row did not follow its record',
};

export function SyncPage() {
  const { api } = useServices();
  const [nResent, setResent] = useState(0);
  const depths = useLoad(`outbox ${nResent}`, (signal) => api.outbox('failed', undefined, signal), REFRESH_EVERY_MS);
  return (
    <>
      <PageHead title="Sync" lead="How well both sides agree, what waits to be sent, and what the platform refused." />
      <div class="stack">
        <Accuracy />
        <Card title="To be sent" id="to-be-sent" flush>
          <Answer of={depths} lines={3} part="the outbox">
            {({ objects }) => objects.length === 0
              ? <Empty title="Nothing waits" icon="check">What is changed here and is to go to a platform is counted here.</Empty>
              : <Objects items={objects} onAllowed={depths.reload} />}
          </Answer>
        </Card>
        <Records onResent={() => setResent((it) => it + 1)} />
      </div>
    </>
  );
}

/** Keeps the newest comparison of each object that came to an end, or the one under way. */
export function newestOf(items: readonly Comparison[]): Comparison[] {
  const found = new Map<string, Comparison>();
  for (const it of items) {
    const key = `${it.connection} ${it.object}`;
    if (!found.has(key) || found.get(key)?.outcome === 'running') found.set(key, it);
  }
  return [...found.values()].sort((a, b) => `${a.connection} ${a.object}`.localeCompare(`${b.connection} ${b.object}`));
}

/** Writes a share as a percentage that says 100 % only when nothing differs. */
export function percent(accuracy: number): string {
  if (accuracy >= 1) return '100 %';
  return `${(Math.floor(accuracy * 10_000) / 100).toFixed(2)} %`;
}

function Accuracy() {
  const { api } = useServices();
  const loaded = useLoad('comparisons', (signal) => api.comparisons(signal), REFRESH_EVERY_MS * 6);
  return (
    <Card title="Accuracy" id="accuracy" flush note="the last comparison of each object">
      <Answer of={loaded} lines={4} part="comparisons">
        {({ items }) => items.length === 0
          ? <Empty title="Nothing was compared yet">Both sides are compared record by record, on a schedule or by hand.</Empty>
          : (
            <table class="table table-cards">
              <caption class="unseen">The last comparison of each object</caption>
              <thead>
                <tr><th scope="col">Object</th><th scope="col" class="number">Equal</th><th scope="col" class="number">Here</th><th scope="col" class="number">There</th><th scope="col">Differences</th><th scope="col">Result</th></tr>
              </thead>
              <tbody>{newestOf(items).map((it) => <Compared key={it.id} it={it} />)}</tbody>
            </table>
          )}
      </Answer>
    </Card>
  );
}

function Compared({ it }: { it: Comparison }) {
  const [word, tone] = COMPARED[it.outcome];
  return (
    <tr>
      <th scope="row" class="cell-title">{it.object}<span class="row-note">{it.connection}</span></th>
      <td class="number" data-label="Equal"><b>{percent(it.accuracy)}</b></td>
      <td class="number" data-label="Here">{count(it.n_here)}</td>
      <td class="number" data-label="There">{count(it.n_there)}</td>
      <td data-label="Differences">
        {it.n_differ === 0 ? <OrNothing>{null}</OrNothing> : (
          <details>
            <summary>{counted(it.n_differ, 'record')}, {count(it.n_repaired)} repaired<span class="unseen"> of {it.object}</span></summary>
            <ul class="codes">{it.samples.map((one) => <li key={one.record_id}><code>{one.record_id}</code> <span class="muted">{DIFFERS[one.kind]}{one.fields.length > 0 && `: ${one.fields.join(', ')}`}</span></li>)}</ul>
          </details>
        )}
      </td>
      <td data-label="Result"><Pill tone={tone}>{word}</Pill><span class="row-note"><Ago at={it.ended_at ?? it.started_at} />{it.error !== null && <> · <span class="row-error">{it.error}</span></>}</span></td>
    </tr>
  );
}

function Objects({ items, onAllowed }: { items: readonly ObjectOutbox[]; onAllowed: () => void }) {
  const { api } = useServices();
  const mayOperate = useMay('sync:operate');
  const [asked, setAsked] = useState<ObjectOutbox | undefined>();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const allow = async (it: ObjectOutbox): Promise<void> => {
    setBusy(true);
    const failed = await api.allowDeletes(it.connection, it.object).then(() => undefined, Problem.from);
    setProblem(failed);
    setBusy(false);
    setAsked(undefined);
    if (failed === undefined) announce(`Deletions of ${it.object} are let through for an hour`);
    onAllowed();
  };
  return (
    <>
      {problem !== undefined && <ProblemBox problem={problem} />}
      <table class="table table-cards">
        <caption class="unseen">Records to be sent, by object</caption>
        <thead>
          <tr><th scope="col">Object</th><th scope="col" class="number">Waiting</th><th scope="col" class="number">Of those deletions</th><th scope="col" class="number">Refused</th><th scope="col">Oldest</th><th scope="col">Deletions</th></tr>
        </thead>
        <tbody>
          {items.map((it) => (
            <tr key={`${it.connection} ${it.object}`}>
              <th scope="row" class="cell-title">{it.object}<span class="row-note">{it.connection}</span></th>
              <td class="number" data-label="Waiting">{count(it.n_waiting)}</td>
              <td class="number" data-label="Deletions">{count(it.n_deletes)}</td>
              <td class="number" data-label="Refused">{count(it.n_failed)}</td>
              <td data-label="Oldest"><Ago at={it.oldest} missing="none" /></td>
              <td data-label="Guard">
                {it.deletes_are_let_through && <Pill tone="info">Let through</Pill>}
                {it.may_be_held_back && <Pill tone="warn">May be held back</Pill>}
                {!it.deletes_are_let_through && !it.may_be_held_back && <OrNothing>{null}</OrNothing>}
                {it.may_be_held_back && mayOperate && <button type="button" class="button button-small" onClick={() => setAsked(it)}>Let through<span class="unseen"> deletions of {it.object}</span></button>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {asked !== undefined && (
        <Confirm title={`Delete ${counted(asked.n_deletes, 'record')} of ${asked.object}?`} yes="Let through" isBusy={isBusy} onYes={() => void allow(asked)} onNo={() => setAsked(undefined)}>
          <p>So many deletions at once are held back in case something went wrong. Look at them first. They are let through for an hour.</p>
        </Confirm>
      )}
    </>
  );
}

function Records({ onResent }: { onResent: () => void }) {
  const { api } = useServices();
  const mayOperate = useMay('sync:operate');
  const [status, setStatus] = useState<OutboxItem['status']>('failed');
  const [busy, setBusy] = useState<string | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const paged = usePaged<OutboxItem, string>(
    `records ${status}`,
    async (after, signal) => {
      const page = await api.outbox(status, after, signal);
      return { items: page.items, next: page.next_after };
    },
    (n) => announce(`${counted(n, 'more record')} loaded`),
  );
  const items = paged.items ?? [];
  const resend = async (it: OutboxItem): Promise<void> => {
    setBusy(it.id);
    const failed = await api.resend(it.id).then(() => undefined, Problem.from);
    setProblem(failed);
    setBusy(undefined);
    if (failed === undefined) announce(`${ENTITY[it.entity]} is sent again`);
    paged.first.reload();
    onResent();
  };
  const choice = (
    <div class="segments" role="radiogroup" aria-label="Which records">
      {(['failed', 'waiting'] as const).map((it) => (
        <label key={it} class="segment">
          <input type="radio" name="outbox-status" checked={status === it} onChange={() => setStatus(it)} />
          <span>{it === 'failed' ? 'Refused' : 'Waiting'}</span>
        </label>
      ))}
    </div>
  );
  return (
    <Card title="Records" id="records" flush actions={choice}>
      {problem !== undefined && <ProblemBox problem={problem} />}
      <Answer of={paged.first} lines={5} part="the outbox">
        {() => items.length === 0
          ? <Empty title={status === 'failed' ? 'Nothing was refused' : 'Nothing waits'} icon="check">Records that the platform refused stand here with the reason and what to do.</Empty>
          : (
            <>
              <ul class="letters-dead">{items.map((it) => <Record key={it.id} it={it} isBusy={busy === it.id} onResend={mayOperate && status === 'failed' ? () => void resend(it) : undefined} />)}</ul>
              <LoadMore of={paged} one="record" />
            </>
          )}
      </Answer>
    </Card>
  );
}

function Record({ it, isBusy, onResend }: { it: OutboxItem; isBusy: boolean; onResend: (() => void) | undefined }) {
  const seesCases = useMay('cases:read');
  const name = `${ENTITY[it.entity]} ${it.record_id ?? 'without a record yet'}`;
  return (
    <li class="dead">
      <div class="dead-main">
        <p class="row-title">{it.entity === 'case' && seesCases ? <a href={hrefOf({ page: 'case', id: it.entity_id })}>{name}</a> : name}</p>
        {it.setback !== null && <p class="dead-reason">{it.setback.words}</p>}
        <p class="row-note">
          {TO_DO[it.kind]} in {it.connection} · since <Ago at={it.changed_at} />
          {it.n_attempts > 0 && <> · {counted(it.n_attempts, 'attempt')}</>}
          {it.setback !== null && <> · <code>{it.setback.code}</code>{it.setback.fields.length > 0 && <> · {it.setback.fields.join(', ')}</>}</>}
        </p>
      </div>
      {onResend !== undefined && <button type="button" class="button button-small" disabled={isBusy} onClick={onResend}>{isBusy ? 'Working…' : 'Send again'}<span class="unseen"> {name}</span></button>}
    </li>
  );
}
