// Fields that both sides changed and that wait for a person, and those that were decided.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { Problem } from '../api/problem';
import type { Conflict } from '../api/types';
import { counted } from '../format';
import { usePaged } from '../more';
import { Confirm } from '../parts/confirm';
import { Card, PageHead } from '../parts/frame';
import { LoadMore } from '../parts/load-more';
import { Answer, Empty, ProblemBox } from '../parts/states';
import { Ago, Pill } from '../parts/text';
import { hrefOf } from '../router';
import { useMay, useServices } from '../services';
import { actorName, ENTITY, fieldName, fieldValue, POLICY } from '../words';

type Side = 'local' | 'remote';

const SIDE: Record<Side, string> = { local: 'ours', remote: 'theirs' };
const ENDED: Record<NonNullable<Conflict['resolution']>, string> = {
  local: 'Ours stands', remote: 'Theirs stands', other: 'Another value', converged: 'Ended by itself',
};

export function ConflictsPage() {
  const { api } = useServices();
  const mayResolve = useMay('conflicts:resolve');
  const [state, setState] = useState<'open' | 'resolved'>('open');
  const [object, setObject] = useState('');
  const [asked, setAsked] = useState<Side | undefined>();
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<string | Problem | undefined>();
  const paged = usePaged<Conflict, number>(
    `conflicts ${state} ${object}`,
    async (before, signal) => {
      const page = await api.conflicts({ state, object, before }, signal);
      return { items: page.items, next: page.next_before };
    },
    (n) => announce(`${counted(n, 'more conflict')} loaded`),
  );
  const items = paged.items ?? [];
  const objects = [...new Set([...items.map((it) => it.object), ...(object === '' ? [] : [object])])].sort();
  const resolveAll = async (choice: Side): Promise<void> => {
    setBusy(true);
    try {
      setResult(said(await decideAll((before) => api.resolveAll({
        choice, ...(object === '' ? { all: true } : { object }), ...(before === undefined ? {} : { before }),
      }))));
    } catch (thrown) {
      setResult(Problem.from(thrown));
    }
    setBusy(false);
    setAsked(undefined);
    paged.first.reload();
  };
  const actions = mayResolve && state === 'open' && items.length > 0 ? (
    <>
      <button type="button" class="button button-small" onClick={() => setAsked('local')}>Keep all ours</button>
      <button type="button" class="button button-small" onClick={() => setAsked('remote')}>Take all theirs</button>
    </>
  ) : undefined;
  return (
    <>
      <PageHead title="Conflicts" lead="Fields that were changed both here and at the platform. Neither value is lost until somebody decides.">
        <div class="segments" role="radiogroup" aria-label="Which conflicts">
          {(['open', 'resolved'] as const).map((it) => (
            <label key={it} class="segment">
              <input type="radio" name="conflict-state" checked={state === it} onChange={() => setState(it)} />
              <span>{fieldName(it)}</span>
            </label>
          ))}
        </div>
      </PageHead>
      <div class="stack">
        {result instanceof Problem && <ProblemBox problem={result} />}
        {typeof result === 'string' && <p class="result result-wide" role="status">{result}</p>}
        <Card title={state === 'open' ? 'To be decided' : 'Decided'} id="conflicts" flush actions={actions}>
          {objects.length > 1 && (
            <label class="inline-field card-filter">Object
              <select value={object} onChange={(event) => setObject(event.currentTarget.value)}>
                <option value="">all</option>
                {objects.map((it) => <option key={it} value={it}>{it}</option>)}
              </select>
            </label>
          )}
          <Answer of={paged.first} lines={6} part="conflicts">
            {() => items.length === 0
              ? <Empty title={state === 'open' ? 'Nothing to decide' : 'Nothing was decided yet'} icon="check">A conflict appears here when both sides change the same field and its policy asks a person.</Empty>
              : (
                <>
                  <ul class="letters-dead">{items.map((it) => <Line key={it.id} it={it} />)}</ul>
                  <LoadMore of={paged} one="conflict" />
                </>
              )}
          </Answer>
        </Card>
      </div>
      {asked !== undefined && (
        <Confirm
          title={asked === 'local' ? 'Keep every value of ours?' : 'Take every value of theirs?'} yes="Decide all" isBusy={isBusy}
          onYes={() => void resolveAll(asked)} onNo={() => setAsked(undefined)}
        >
          <p>Every open conflict{object === '' ? '' : ` of ${object}`} that you see is decided for <b>{SIDE[asked]}</b>. {asked === 'local' ? 'Our values are sent to the platform.' : 'Our values are replaced.'} Each is written to the audit trail.</p>
        </Confirm>
      )}
    </>
  );
}

function Line({ it }: { it: Conflict }) {
  return (
    <li class="dead">
      <div class="dead-main">
        <p class="row-title">
          <a href={hrefOf({ page: 'conflict', id: it.id })}>{nameOf(it)}: {fieldName(it.local_field)}</a>{' '}
          {it.resolution !== null && <Pill tone="good">{ENDED[it.resolution]}</Pill>}
        </p>
        <p class="difference">
          Ours <b>{fieldValue(it.local_field, it.local_value)}</b> · theirs <b>{fieldValue(it.local_field, it.remote_value)}</b>
        </p>
        <p class="row-note">
          {it.object} in {it.connection} · {POLICY[it.policy]} · opened <Ago at={it.opened_at} />
          {it.resolved_at !== null && <> · decided <Ago at={it.resolved_at} />{it.resolved_by !== null && <> by {actorName(it.resolved_by)}</>}</>}
        </p>
      </div>
    </li>
  );
}

/** Names the row of a conflict. */
export function nameOf(it: Pick<Conflict, 'label' | 'entity' | 'record_id'>): string {
  const [first = '', second] = (it.label ?? '').split('\n');
  return second ?? (first !== '' ? first : `${ENTITY[it.entity]} ${it.record_id}`);
}

interface Tally {
  nResolved: number;
  faults: readonly string[];
}

/** Decides page after page until none is left. */
export async function decideAll(
  ask: (before: number | undefined) => Promise<{ n_resolved: number; refused: readonly { field: string; fault: string }[]; next_before: number | null }>,
): Promise<Tally> {
  let nResolved = 0;
  const faults: string[] = [];
  for (let before: number | undefined; ;) {
    const done = await ask(before);
    nResolved += done.n_resolved;
    faults.push(...done.refused.map((it) => it.fault));
    if (done.next_before === null || done.next_before === before) return { nResolved, faults };
    before = done.next_before;
  }
}

function said({ nResolved, faults }: Tally): string {
  const rest = faults.length === 0 ? '' : ` ${counted(faults.length, 'conflict')} could not be: ${faults[0]}`;
  return `${counted(nResolved, 'conflict')} decided.${rest}`;
}
