// The head of a page, and the cards that its parts stand in.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

/** The page's heading, its line below, and what can be done on the right. */
export function PageHead({ title, tab = title, lead, children }: {
  title: string;
  tab?: string;
  lead?: ComponentChildren;
  children?: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${tab} · MoodBridge`;
  }, [tab]);
  return (
    <div class="page-head">
      <div class="page-head-text">
        <h1>{title}</h1>
        {lead !== undefined && <p class="lead">{lead}</p>}
      </div>
      {children !== undefined && <div class="page-head-actions">{children}</div>}
    </div>
  );
}

/** A card with a heading. */
export function Card({ title, id, note, actions, flush = false, children }: {
  title: string;
  id: string;
  note?: ComponentChildren;
  actions?: ComponentChildren;
  /** Whether the content reaches the card's edges. */
  flush?: boolean;
  children: ComponentChildren;
}) {
  return (
    <section class={flush ? 'card card-flush' : 'card'} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span class="card-note">{note}</span>}
        {actions !== undefined && <div class="card-actions">{actions}</div>}
      </div>
      <div class="card-body">{children}</div>
    </section>
  );
}

/** Pairs of a name and a value. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
