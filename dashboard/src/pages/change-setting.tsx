// A dialog that changes one setting: its new value, the difference, and the reason.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Problem } from '../api/problem';
import type { Setting } from '../api/types';
import { ProblemBox } from '../parts/states';

/** Shows a value of a setting as it is written in the file. */
export function Value({ of }: { of: unknown }) {
  if (of === null || of === undefined) return <span class="muted">not set</span>;
  return <code class="value">{typeof of === 'string' ? of : JSON.stringify(of)}</code>;
}

/** Reads what was typed in the kind of the value before; other kinds are written as JSON. */
export function readValue(text: string, before: unknown): { value: unknown } | { fault: string } {
  if (typeof before === 'string') return { value: text };
  if (typeof before === 'number') {
    const value = Number(text);
    return text.trim() !== '' && Number.isFinite(value) ? { value } : { fault: 'Write a number.' };
  }
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    if (before === null || before === undefined) return { value: text };
    return { fault: 'Write it as JSON, such as ["a", "b"] or true.' };
  }
}

export function ChangeSetting({ setting, isBusy, problem, onYes, onNo }: {
  setting: Setting;
  isBusy: boolean;
  problem: Problem | undefined;
  /** `null` goes back to what file, environment and defaults say. */
  onYes: (value: unknown, reason: string) => void;
  onNo: () => void;
}) {
  const before = setting.value;
  const [text, setText] = useState(before === null || before === undefined ? '' : typeof before === 'string' ? before : JSON.stringify(before));
  const [isReset, setReset] = useState(false);
  const [reason, setReason] = useState('');
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const it = dialog.current;
    it?.showModal();
    return () => it?.close();
  }, []);
  const read = isReset ? { value: null } : readValue(text, before);
  const send = (event: Event): void => {
    event.preventDefault();
    if ('value' in read) onYes(read.value, reason.trim());
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="change-title" onCancel={(event) => { event.preventDefault(); onNo(); }}>
      <h2 id="change-title">Change <code>{setting.path}</code></h2>
      <form class="form" onSubmit={send}>
        {problem !== undefined && <ProblemBox problem={problem} />}
        {typeof before === 'boolean' ? (
          <label class="field">
            <span class="field-name">Value</span>
            <select value={text} disabled={isReset} onChange={(event) => setText(event.currentTarget.value)}>
              <option value="true">true</option>
              <option value="false">false</option>
            </select>
          </label>
        ) : (
          <label class="field">
            <span class="field-name">Value</span>
            <input type="text" value={text} disabled={isReset} spellcheck={false} autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} />
          </label>
        )}
        <label class="check">
          <input type="checkbox" checked={isReset} onChange={(event) => setReset(event.currentTarget.checked)} />
          <span>Take back what was set here: file, environment and defaults hold</span>
        </label>
        <p class="difference">
          {'fault' in read ? <span class="row-error">{read.fault}</span> : (
            <><del><span class="unseen">from </span><Value of={before} /></del> <span aria-hidden="true">→</span>{' '}
              <ins><span class="unseen">to </span>{isReset ? <span class="muted">not set here</span> : <Value of={read.value} />}</ins></>
          )}
        </p>
        <label class="field">
          <span class="field-name">Reason, for the history</span>
          <input type="text" value={reason} required maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onNo} disabled={isBusy}>Cancel</button>
          <button type="submit" class="button button-main" disabled={isBusy || 'fault' in read}>{isBusy ? 'Working…' : 'Save'}</button>
        </div>
      </form>
    </dialog>
  );
}
