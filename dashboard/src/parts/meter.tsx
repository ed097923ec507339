// A bar that fills, with its name, its figure and its limit in words.
import type { ComponentChildren } from 'preact';

export function Meter({ name, percent, value, note }: {
  name: string;
  /** How much is used; over 100 is over the limit. */
  percent: number;
  value: string;
  note?: ComponentChildren;
}) {
  const tone = percent >= 100 ? 'bad' : percent >= 80 ? 'warn' : 'info';
  return (
    <li class={`meter tone-${tone}`}>
      <span class="meter-name">{name}</span>
      <span class="meter-value">{value}</span>
      <span class="meter-track" aria-hidden="true"><span class="meter-fill" style={{ width: `${Math.min(100, Math.max(0, percent))}%` }} /></span>
      {note !== undefined && <span class="meter-note">{note}</span>}
    </li>
  );
}
