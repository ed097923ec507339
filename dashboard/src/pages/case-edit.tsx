// Changes the fields of a case in place, and shows of each how it stands to the platform.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import type { Tagged } from '../api/client';
import { Problem } from '../api/problem';
import type { FieldValue, RowField, RowState } from '../api/types';
import { counted } from '../format';
import type { Loaded } from '../load';
import { ProblemBox } from '../parts/states';
import { Pill } from '../parts/text';
import { hrefOf } from '../router';
import { useMay, useServices } from '../services';
import { fieldName, PRIORITIES, STAND, STATUSES, TO_DO } from '../words';
import { readAs } from './conflict';

/** What may be chosen; anything else can be typed too. */
const KNOWN: Record<string, readonly string[]> = { status: STATUSES, priority: PRIORITIES };

/** Lists the fields that can be changed by typing: references are ids, which nobody types. */
export function editable(row: RowState): RowField[] {
  return row.is_deleted ? [] : row.fields.filter((it) => it.can_change && !it.field.endsWith('_id'));
}

/** Returns what was typed that differs from what is there. */
export function changesOf(row: RowState, typed: Readonly<Record<string, string>>): Record<string, FieldValue> {
  const changes: Record<string, FieldValue> = {};
  for (const it of editable(row)) {
    const text = typed[it.field];
    if (text === undefined) continue;
    const value = readAs(it.value, text);
    if (value !== it.value) changes[it.field] = value;
  }
  return changes;
}

/** Says how a field stands, unless it is the same on both sides; a conflict leads to where it is decided. */
export function FieldState({ row, field }: { row: RowState | undefined; field: string }) {
  const seesConflicts = useMay('conflicts:read');
  const it = row?.fields.find((one) => one.field === field);
  if (it === undefined || it.state === 'in_step') return null;
  const [word, tone] = STAND[it.state];
  const pill = <Pill tone={tone}>{word}</Pill>;
  return (
    <span class="field-state" data-state={it.state}>
      {it.conflict !== null && seesConflicts ? <a class="pill-link" href={hrefOf({ page: 'conflict', id: it.conflict })}>{pill}</a> : pill}
    </span>
  );
}

/** Says what the outbox holds of the case. */
export function OutboxNote({ row, reload }: { row: RowState; reload: () => void }) {
  const { api } = useServices();
  const mayOperate = useMay('sync:operate');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const item = row.outbox;
  if (item === null) return null;
  if (item.status === 'waiting') return <p class="pending" data-outbox="waiting">{TO_DO[item.kind]} at the platform: it waits to be sent.</p>;
  const resend = async (): Promise<void> => {
    setBusy(true);
    setProblem(await api.resend(item.id).then(() => undefined, Problem.from));
    setBusy(false);
    announce('It is sent again');
    reload();
  };
  return (
    <div class="problem" role="alert" data-outbox="failed">
      <div class="problem-text">
        <p class="problem-title">The platform refused the change</p>
        {item.setback !== null && <p>{item.setback.words} <span class="muted"><code>{item.setback.code}</code>{item.setback.fields.length > 0 && <> · {item.setback.fields.join(', ')}</>}</span></p>}
        {problem !== undefined && <ProblemBox problem={problem} />}
      </div>
      {mayOperate && <button type="button" class="button" disabled={isBusy} onClick={() => void resend()}>Send again</button>}
    </div>
  );
}

/** The form; `of` is the state that its author sees. */
export function EditForm({ of, onDone }: { of: Loaded<Tagged<RowState>>; onDone: (isChanged: boolean) => void }) {
  const { api } = useServices();
  // What is typed belongs to the state that was read first: a newer one must not slip under it.
  const [seen, setSeen] = useState(of.data);
  const [typed, setTyped] = useState<Record<string, string>>({});
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  if (seen === undefined) return null;
  const row = seen.value;
  const changes = changesOf(row, typed);
  const n = Object.keys(changes).length;
  const faults = new Map((problem?.errors ?? []).map((it) => [it.field, it.message]));
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (n === 0) return onDone(false);
    setBusy(true);
    try {
      const { is_changed } = await api.changeCase(row.id, changes, seen.tag);
      announce(is_changed ? `${counted(n, 'field')} changed: waiting to be sent` : 'Nothing changed');
      onDone(is_changed);
    } catch (thrown) {
      const failed = Problem.from(thrown);
      setProblem(failed);
      setBusy(false);
      // What was typed stays; the next try is made on what is there now.
      if (failed.status === 412) setSeen(await api.caseState(row.id).catch(() => seen));
    }
  };
  return (
    <form class="form edit-form" onSubmit={(event) => void save(event)} aria-label="Change the case">
      {problem !== undefined && <ProblemBox problem={problem} />}
      <div class="edit-fields">
        {editable(row).map((it) => (
          <EditField key={it.field} it={it} text={typed[it.field] ?? textOf(it.value)} fault={faults.get(it.field)} onText={(text) => setTyped((was) => ({ ...was, [it.field]: text }))} />
        ))}
      </div>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={() => onDone(false)} disabled={isBusy}>Cancel</button>
        <button type="submit" class="button button-main" disabled={isBusy || n === 0}>{isBusy ? 'Working…' : n === 0 ? 'Save' : `Save ${counted(n, 'field')}`}</button>
      </div>
    </form>
  );
}

function textOf(value: FieldValue): string {
  return value === null ? '' : String(value);
}

function EditField({ it, text, fault, onText }: { it: RowField; text: string; fault: string | undefined; onText: (text: string) => void }) {
  const id = `edit-${it.field}`;
  const common = { id, value: text, 'aria-invalid': fault !== undefined, 'aria-describedby': fault === undefined ? undefined : `${id}-fault` };
  const known = KNOWN[it.field];
  return (
    <div class={it.field === 'description' ? 'field field-whole' : 'field'}>
      <label class="field-name" for={id}>{fieldName(it.field)}</label>
      {it.field === 'description'
        ? <textarea {...common} rows={5} onInput={(event) => onText(event.currentTarget.value)} />
        : <input {...common} type="text" list={known === undefined ? undefined : `${id}-known`} autocomplete="off" onInput={(event) => onText(event.currentTarget.value)} />}
      {known !== undefined && <datalist id={`${id}-known`}>{known.map((one) => <option key={one} value={one} />)}</datalist>}
      {fault !== undefined && <span class="row-error" id={`${id}-fault`}>{fault}</span>}
      {it.state === 'conflict' && <span class="row-note">The platform has another value: saving decides for yours.</span>}
    </div>
  );
}
