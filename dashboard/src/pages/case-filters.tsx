// Search, filters and order above the list of cases.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../parts/icons';
import { go, type CaseFilter, type FilterName } from '../router';
import { PRIORITIES, SORTS, STATUSES } from '../words';

const SEARCH_AFTER_MS = 250;
const STATES: readonly [string, string][] = [['', 'All'], ['open', 'Open'], ['closed', 'Closed']];

export function CaseFilters({ filter, courts }: { filter: CaseFilter; courts: readonly string[] }) {
  const set = (name: FilterName, value: string): void => {
    const next: CaseFilter = { ...filter };
    if (value.trim() === '') delete next[name];
    else next[name] = value.trim();
    go({ page: 'cases', filter: next }, 'replace');
  };
  const nExtra = [filter.priority, filter.court, filter.opened_from, filter.opened_until].filter(Boolean).length;
  const isNarrowed = Object.keys(filter).some((name) => name !== 'sort');
  return (
    <form class="filters" role="search" aria-label="Cases" onSubmit={(event) => event.preventDefault()}>
      <div class="filters-row">
        <SearchBox text={filter.search ?? ''} onText={(text) => set('search', text)} />
        <fieldset class="segments">
          <legend class="unseen">Open or closed</legend>
          {STATES.map(([value, name]) => (
            <label key={value} class="segment">
              <input type="radio" name="state" value={value} checked={(filter.state ?? '') === value} onChange={() => set('state', value)} />
              <span>{name}</span>
            </label>
          ))}
        </fieldset>
        <Choice name="Status" any="Any status" value={filter.status ?? ''} options={STATUSES.map((it) => [it, it])} onValue={(it) => set('status', it)} />
        <Choice name="Order" value={filter.sort ?? 'updated_desc'} options={SORTS} onValue={(it) => set('sort', it === 'updated_desc' ? '' : it)} />
      </div>
      <details class="filters-more" open={nExtra > 0}>
        <summary>More filters{nExtra > 0 && ` (${nExtra})`}</summary>
        <div class="filters-row">
          <Choice name="Priority" any="Any priority" value={filter.priority ?? ''} options={PRIORITIES.map((it) => [it, it])} onValue={(it) => set('priority', it)} />
          <label class="field field-wide">
            <span class="field-name">Court, exactly</span>
            <input type="text" list="courts" value={filter.court ?? ''} placeholder="Any court" onChange={(event) => set('court', event.currentTarget.value)} />
            <datalist id="courts">{courts.map((it) => <option key={it} value={it} />)}</datalist>
          </label>
          <label class="field">
            <span class="field-name">Opened from</span>
            <input type="date" value={filter.opened_from ?? ''} onChange={(event) => set('opened_from', event.currentTarget.value)} />
          </label>
          <label class="field">
            <span class="field-name">Opened until</span>
            <input type="date" value={filter.opened_until ?? ''} onChange={(event) => set('opened_until', event.currentTarget.value)} />
          </label>
        </div>
      </details>
      {isNarrowed && (
        <div class="filters-active">
          {filter.account_id !== undefined && (
            <button type="button" class="chip" onClick={() => set('account_id', '')}>
              One client only <Icon name="close" size={12} /><span class="unseen">: show all clients</span>
            </button>
          )}
          <button type="button" class="link-button" onClick={() => go({ page: 'cases', filter: filter.sort === undefined ? {} : { sort: filter.sort } }, 'replace')}>
            Clear search and filters
          </button>
        </div>
      )}
    </form>
  );
}

function Choice({ name, any, value, options, onValue }: {
  name: string;
  any?: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onValue: (value: string) => void;
}) {
  const isKnown = value === '' || options.some(([it]) => it === value);
  return (
    <label class="field">
      <span class="field-name">{name}</span>
      <select value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {any !== undefined && <option value="">{any}</option>}
        {!isKnown && <option value={value}>{value}</option>}
        {options.map(([it, text]) => <option key={it} value={it}>{text}</option>)}
      </select>
    </label>
  );
}

/** Waits until typing rests; Enter does not wait, and `/` anywhere on the page leads here. */
function SearchBox({ text, onText }: { text: string; onText: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  const box = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef(onText);
  latest.current = onText;
  useEffect(() => {
    if (document.activeElement !== box.current) setTyped(text);
  }, [text]);
  useEffect(() => {
    const find = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof Element && event.target.closest('input, textarea, select') !== null;
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current?.focus();
    };
    addEventListener('keydown', find);
    return () => {
      removeEventListener('keydown', find);
      clearTimeout(timer.current);
    };
  }, []);
  const send = (value: string, afterMs: number): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => latest.current(value), afterMs);
  };
  return (
    <label class="field field-search">
      <span class="field-name">Search</span>
      <span class="search-box">
        <Icon name="search" />
        <input
          type="search" ref={box} value={typed} placeholder="Docket number, title, court, client…" aria-keyshortcuts="/"
          onInput={(event) => { setTyped(event.currentTarget.value); send(event.currentTarget.value, SEARCH_AFTER_MS); }}
          onKeyDown={(event) => event.key === 'Enter' && send(event.currentTarget.value, 0)}
        />
      </span>
    </label>
  );
}
