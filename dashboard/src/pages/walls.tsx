// Who is screened from a case or assigned to it; setting and lifting, each with its reason.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { Problem } from '../api/problem';
import type { Stance, Wall } from '../api/types';
import { useLoad } from '../load';
import { Confirm } from '../parts/confirm';
import { Card } from '../parts/frame';
import { Answer, ProblemBox } from '../parts/states';
import { Pill, When } from '../parts/text';
import { useMay, useServices } from '../services';
import type { Tone } from '../words';

const STANCE: Record<Stance, [string, Tone]> = { screened: ['Screened', 'bad'], assigned: ['Assigned', 'good'] };

export function Walls({ caseId, name }: { caseId: string; name: string }) {
  const { api, me } = useServices();
  const mayWrite = useMay('walls:write');
  const walls = useLoad(`walls ${caseId}`, (signal) => api.walls(caseId, signal));
  const [asked, setAsked] = useState<Wall | undefined>();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const act = async (what: () => Promise<unknown>, said: string): Promise<boolean> => {
    setBusy(true);
    const failed = await what().then(() => undefined, Problem.from);
    setProblem(failed);
    setBusy(false);
    setAsked(undefined);
    if (failed === undefined) announce(said);
    walls.reload();
    return failed === undefined;
  };
  return (
    <Card title="Ethical walls" id="walls">
      {problem !== undefined && <ProblemBox problem={problem} />}
      <Answer of={walls} lines={2} part="walls">
        {({ items }) => items.length === 0 ? <p class="muted">Nobody is screened from this case, and nobody is assigned to it.</p> : (
          <ul class="lines">
            {items.map((it) => {
              const [word, tone] = STANCE[it.stance];
              return (
                <li key={it.person} class="line" data-wall={it.person}>
                  <span class="line-main">
                    <span class="line-title">{it.person} <Pill tone={tone}>{word}</Pill></span>
                    <span class="line-note">{it.reason}</span>
                    <span class="line-note">by {it.set_by}, <When at={it.set_at} /></span>
                  </span>
                  {mayWrite && it.person !== me.person && (
                    <button type="button" class="button button-small" onClick={() => setAsked(it)}>Lift<span class="unseen"> the wall of {it.person}</span></button>
                  )}
                </li>
              );
            })}
          </ul>
        )}
      </Answer>
      {mayWrite && <SetWall isBusy={isBusy} onSet={(person, wall) => act(() => api.setWall(caseId, person, wall), `${person} is ${wall.stance} now`)} />}
      {asked !== undefined && (
        <Confirm
          title={`Lift the wall of ${asked.person}?`} yes="Lift" isBusy={isBusy} onNo={() => setAsked(undefined)}
          onYes={() => void act(() => api.liftWall(caseId, asked.person), `The wall of ${asked.person} is lifted`)}
        >
          <p>{asked.stance === 'screened' ? 'They see' : 'They no longer see'} <b>{name}</b> from then on. It is written to the audit trail.</p>
        </Confirm>
      )}
    </Card>
  );
}

function SetWall({ isBusy, onSet }: { isBusy: boolean; onSet: (person: string, wall: { stance: Stance; reason: string }) => Promise<boolean> }) {
  const [person, setPerson] = useState('');
  const [stance, setStance] = useState<Stance>('screened');
  const [reason, setReason] = useState('');
  const set = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!(await onSet(person.trim(), { stance, reason: reason.trim() }))) return;
    setPerson('');
    setReason('');
  };
  return (
    <details class="set-wall">
      <summary>Screen or assign somebody</summary>
      <form class="form" onSubmit={(event) => void set(event)}>
        <label class="field">
          <span class="field-name">Person, as the sign-in names them</span>
          <input type="text" value={person} required maxLength={255} autocomplete="off" onInput={(event) => setPerson(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span class="field-name">How they stand to the case</span>
          <select value={stance} onChange={(event) => setStance(event.currentTarget.value as Stance)}>
            <option value="screened">Screened: must never see it</option>
            <option value="assigned">Assigned: a client's own case</option>
          </select>
        </label>
        <label class="field">
          <span class="field-name">Reason, for the audit trail</span>
          <input type="text" value={reason} required maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <button type="submit" class="button button-main" disabled={isBusy}>{isBusy ? 'Working…' : 'Set'}</button>
      </form>
    </details>
  );
}
