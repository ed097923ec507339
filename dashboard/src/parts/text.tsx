// Small pieces of text: instants, pills, codes that can be copied.
import { useEffect, useState } from 'preact/hooks';
import { announce } from '../announce';
import { ago, instant, NOTHING, short, utc, type InstantStyle } from '../format';
import { useNow } from '../live/clock';
import { toneOfStatus, type Tone } from '../words';
import { Icon } from './icons';

/** Shows an instant in the viewer's zone; UTC stands in its title. */
export function When({ at, style = 'minutes' }: { at: string | null | undefined; style?: InstantStyle }) {
  if (!at) return <span class="muted">{NOTHING}</span>;
  return <time dateTime={at} title={utc(at)}>{instant(at, style)}</time>;
}

/** Shows how long ago an instant was, and goes on counting. */
export function Ago({ at, missing = 'never' }: { at: string | null | undefined; missing?: string }) {
  const now = useNow();
  if (!at) return <span class="muted">{missing}</span>;
  return <time class="ago" dateTime={at} title={`${instant(at, 'seconds')} (${utc(at)})`}>{ago(at, now)}</time>;
}

/** Shows a state in a word and a colour. */
export function Pill({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span class={`pill tone-${tone}`}>
      <span class="pill-dot" aria-hidden="true" />
      {children}
    </span>
  );
}

/** Shows the status of a case. */
export function StatusPill({ status, isClosed }: { status: string | null; isClosed: boolean }) {
  return <Pill tone={toneOfStatus(status, isClosed)}>{status ?? (isClosed ? 'Closed' : 'No status')}</Pill>;
}

/** Shows a value, or a dash that is said as "none". */
export function OrNothing({ children }: { children: string | null | undefined }) {
  if (children) return <>{children}</>;
  return (
    <span class="muted">
      <span aria-hidden="true">{NOTHING}</span>
      <span class="unseen">none</span>
    </span>
  );
}

/** Shows a code, shortened, with a button that copies all of it. */
export function CopyCode({ text, name, length = 12 }: { text: string; name: string; length?: number }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async (): Promise<void> => {
    const isDone = await copyText(text);
    setCopied(isDone);
    announce(isDone ? `${name} copied` : `${name} could not be copied`);
  };
  return (
    <span class="copy-code">
      <code title={text}>{short(text, length)}</code>
      <button type="button" class="copy-button" aria-label={`Copy ${name} ${short(text, 8)}`} title={`Copy ${name}`} onClick={() => void copy()}>
        <Icon name={isCopied ? 'check' : 'copy'} size={14} />
      </button>
    </span>
  );
}

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https there is no clipboard; a selection can still be copied by hand.
    return false;
  }
}
