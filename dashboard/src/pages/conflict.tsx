// One row that both sides changed: ours, what both had before, and theirs, side by side for each field.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { Problem } from '../api/problem';
import type { Choice, Disputed, FieldValue } from '../api/types';
import { counted } from '../format';
import { useLoad } from '../load';
import { Card, PageHead } from '../parts/frame';
import { Icon } from '../parts/icons';
import { Answer, ProblemBox } from '../parts/states';
import { OrNothing, When } from '../parts/text';
import { hrefOf } from '../router';
import { useMay, useServices } from '../services';
import { actorName, fieldName, fieldValue, POLICY } from '../words';
import { nameOf } from './conflicts';

/** What is chosen for one field before it is saved. */
export type Pick = { side: 'local' | 'remote' | 'open' } | { side: 'other'; text: string };

/** Turns what was picked into what the API takes; fields that stay open are left out. */
export function choicesOf(fields: readonly Disputed[], picks: Readonly<Record<string, Pick>>): Record<string, Choice> {
  const choices: Record<string, Choice> = {};
  for (const { conflict } of fields) {
    const pick = picks[conflict.local_field];
    if (pick === undefined || pick.side === 'open' || conflict.resolved_at !== null) continue;
    choices[conflict.local_field] = pick.side === 'other' ? { value: readAs(conflict.local_value ?? conflict.remote_value, pick.text) } : pick.side;
  }
  return choices;
}

/** Reads a typed text in the kind of a value that stood there; empty text is no value. */
export function readAs(like: FieldValue, text: string): FieldValue {
  const plain = text.trim();
  if (plain === '') return null;
  if (typeof like === 'number' && Number.isFinite(Number(plain))) return Number(plain);
  if (typeof like === 'boolean' && /^(true|false|yes|no)$/i.test(plain)) return /^(true|yes)$/i.test(plain);
  return plain;
}

export function ConflictPage({ id }: { id: number }) {
  const { api } = useServices();
  const loaded = useLoad(`conflict ${id}`, (signal) => api.conflict(id, signal));
  return (
    <>
      <a class="back" href={hrefOf({ page: 'conflicts' })}><Icon name="back" size={16} />All conflicts</a>
      <Answer of={loaded} lines={8} part="this conflict">
        {({ fields }) => <Row id={id} fields={fields} reload={loaded.reload} />}
      </Answer>
    </>
  );
}

function Row({ id, fields, reload }: { id: number; fields: readonly Disputed[]; reload: () => void }) {
  const { api } = useServices();
  const mayResolve = useMay('conflicts:resolve');
  const [picks, setPicks] = useState<Record<string, Pick>>({});
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<string | Problem | undefined>();
  const first = fields[0]?.conflict;
  if (first === undefined) return null;
  const open = fields.filter((it) => it.conflict.resolved_at === null);
  const choices = choicesOf(fields, picks);
  const nChosen = Object.keys(choices).length;
  const pickAll = (side: 'local' | 'remote'): void => setPicks(Object.fromEntries(open.map((it) => [it.conflict.local_field, { side }])));
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      // The number may be that of a conflict that was decided before: any open one names the row.
      const { items } = await api.resolve(open[0]?.conflict.id ?? id, choices);
      const faults = items.filter((it) => it.fault !== null).map((it) => it.fault);
      const text = `${counted(items.length - faults.length, 'field')} decided.${faults.length === 0 ? '' : ` ${faults.join(' ')}`}`;
      setResult(text);
      announce(text);
      setPicks({});
    } catch (thrown) {
      setResult(Problem.from(thrown));
    }
    setBusy(false);
    reload();
  };
  const canDecide = mayResolve && open.length > 0;
  const actions = canDecide ? (
    <>
      <button type="button" class="button button-small" onClick={() => pickAll('local')}>All ours</button>
      <button type="button" class="button button-small" onClick={() => pickAll('remote')}>All theirs</button>
    </>
  ) : undefined;
  return (
    <>
      <PageHead title={nameOf(first)} tab="Conflict" lead={<>{first.object} in {first.connection}{first.entity === 'case' && <> · <a href={hrefOf({ page: 'case', id: first.entity_id })}>Open the case</a></>}</>} />
      {result instanceof Problem && <ProblemBox problem={result} />}
      {typeof result === 'string' && <p class="result result-wide" role="status">{result}</p>}
      <form onSubmit={(event) => void save(event)}>
        <Card title="Changed on both sides" id="disputed" flush note={counted(fields.length, 'field')} actions={actions}>
          <table class="table table-cards table-conflict">
            <caption class="unseen">The values of each field here, before and at the platform</caption>
            <thead>
              <tr><th scope="col">Field</th><th scope="col">Ours</th><th scope="col">Before</th><th scope="col">Theirs</th>{canDecide && <th scope="col">Decision</th>}</tr>
            </thead>
            <tbody>
              {fields.map((it) => (
                <Field
                  key={it.conflict.id} it={it} canDecide={canDecide} pick={picks[it.conflict.local_field] ?? { side: 'open' }}
                  onPick={(pick) => setPicks((was) => ({ ...was, [it.conflict.local_field]: pick }))}
                />
              ))}
            </tbody>
          </table>
          {canDecide && (
            <div class="form-end">
              <button type="submit" class="button button-main" disabled={isBusy || nChosen === 0}>{isBusy ? 'Working…' : nChosen === 0 ? 'Save decisions' : `Save ${counted(nChosen, 'decision')}`}</button>
              <span class="row-note">What stands here and not over there is sent. It is written to the audit trail.</span>
            </div>
          )}
        </Card>
      </form>
    </>
  );
}

function Field({ it, canDecide, pick, onPick }: { it: Disputed; canDecide: boolean; pick: Pick; onPick: (pick: Pick) => void }) {
  const { conflict, changed_here: here } = it;
  const name = conflict.local_field === 'is_deleted' ? 'Deleted' : fieldName(conflict.local_field);
  const shown = (value: FieldValue): string => fieldValue(conflict.local_field, value);
  return (
    <tr>
      <th scope="row" class="cell-title">{name}<span class="row-note">{conflict.field} · {POLICY[conflict.policy]}</span></th>
      <td data-label="Ours">
        <span class={pick.side === 'local' ? 'value chosen' : 'value'}>{shown(conflict.local_value)}</span>
        {here !== null && <span class="row-note">{actorName(here.by)}, <When at={here.at} /></span>}
      </td>
      <td data-label="Before"><span class="value">{here === null ? <OrNothing>{null}</OrNothing> : shown(here.before)}</span></td>
      <td data-label="Theirs">
        <span class={pick.side === 'remote' ? 'value chosen' : 'value'}>{shown(conflict.remote_value)}</span>
        <span class="row-note">{conflict.connection}, <When at={conflict.remote_version} /></span>
      </td>
      {canDecide && (
        <td data-label="Decision">
          {conflict.resolved_at !== null
            ? <span class="muted">decided <When at={conflict.resolved_at} />{conflict.resolved_by !== null && <> by {actorName(conflict.resolved_by)}</>}</span>
            : <Decision name={name} canBeOther={conflict.local_field !== 'is_deleted'} pick={pick} onPick={onPick} />}
        </td>
      )}
    </tr>
  );
}

function Decision({ name, canBeOther, pick, onPick }: { name: string; canBeOther: boolean; pick: Pick; onPick: (pick: Pick) => void }) {
  const change = (side: string): void => onPick(side === 'other' ? { side, text: '' } : { side: side as 'local' | 'remote' | 'open' });
  return (
    <div class="field decision">
      <select aria-label={`Decision for ${name}`} value={pick.side} onChange={(event) => change(event.currentTarget.value)}>
        <option value="open">Leave open</option>
        <option value="local">Ours</option>
        <option value="remote">Theirs</option>
        {canBeOther && <option value="other">Another value</option>}
      </select>
      {pick.side === 'other' && (
        <input type="text" aria-label={`Value of ${name}`} placeholder="empty" value={pick.text} onInput={(event) => onPick({ side: 'other', text: event.currentTarget.value })} />
      )}
    </div>
  );
}
