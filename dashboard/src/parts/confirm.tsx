// A dialog that asks before something is done.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Opens as long as it is rendered; Escape and Cancel close it. */
export function Confirm({ title, yes, isBusy, onYes, onNo, children }: {
  title: string;
  yes: string;
  isBusy: boolean;
  onYes: () => void;
  onNo: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const it = dialog.current;
    it?.showModal();
    return () => it?.close();
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="confirm-title" onCancel={(event) => { event.preventDefault(); onNo(); }}>
      <h2 id="confirm-title">{title}</h2>
      <div class="dialog-text">{children}</div>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onNo} disabled={isBusy}>Cancel</button>
        <button type="button" class="button button-main" onClick={onYes} disabled={isBusy}>{isBusy ? 'Working…' : yes}</button>
      </div>
    </dialog>
  );
}
