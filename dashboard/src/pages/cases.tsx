// The list of cases: search, filters, order, paging; all of it stands in the address.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { announce } from '../announce';
import type { CaseQuery } from '../api/client';
import type { CaseSummary, ChangeRow } from '../api/types';
import { counted } from '../format';
import { usePaged } from '../more';
import { PageHead } from '../parts/frame';
import { Icon } from '../parts/icons';
import { LoadMore } from '../parts/load-more';
import { Answer, Empty } from '../parts/states';
import { Ago, OrNothing, StatusPill, When } from '../parts/text';
import { go, hrefOf, type CaseFilter } from '../router';
import { useMay, useServices } from '../services';
import { caseName } from '../words';
import { CaseFilters } from './case-filters';
import { rememberList } from './last-list';

const PAGE_SIZE = 50;

export function CasesPage({ filter }: { filter: CaseFilter }) {
  const { api, me } = useServices();
  const seesIntegrations = useMay('integrations:read');
  const here = hrefOf({ page: 'cases', filter });
  useEffect(() => rememberList(here), [here]);
  const paged = usePaged<CaseSummary, string>(
    here,
    async (cursor, signal) => {
      const page = await api.cases({ ...queryOf(filter), cursor, limit: PAGE_SIZE }, signal);
      if (cursor === undefined) announce(page.items.length === 0 ? 'No case matches' : `${counted(page.items.length, 'case')} shown`);
      return { items: page.items, next: page.next_cursor };
    },
    (n) => announce(`${counted(n, 'more case', 'more cases')} loaded`),
  );
  const isNarrowed = Object.keys(filter).some((name) => name !== 'sort');
  const courts = [...new Set((paged.items ?? []).map((it) => it.court).filter((it) => it !== null))].sort();
  return (
    <>
      <PageHead title="Cases" lead={me.sees_assigned_only ? 'The cases that you are assigned to.' : 'Every case that is not deleted at its source.'} />
      <CaseFilters filter={filter} courts={courts} />
      <Newer since={paged.first.data} onShow={paged.first.reload} />
      <Answer of={paged.first} lines={10} height={28}>
        {() => (paged.items ?? []).length === 0 ? (
          <div class="card">
            {isNarrowed ? (
              <Empty title="No case matches" icon="search">
                <p>Search goes by the beginning of words in docket and case number, title, court, account and contact.</p>
                <button type="button" class="button" onClick={() => go({ page: 'cases', filter: {} })}>Clear search and filters</button>
              </Empty>
            ) : (
              <Empty title="No cases yet">
                {me.sees_assigned_only ? 'They appear once somebody at the firm assigns you to one.' : 'They appear once a connected org has sent some.'}
                {seesIntegrations && <> See <a href="#/integrations">integrations</a>.</>}
              </Empty>
            )}
          </div>
        ) : (
          <>
            <CaseTable items={paged.items ?? []} isStale={paged.first.isLoading} />
            <LoadMore of={paged} one="case" />
          </>
        )}
      </Answer>
    </>
  );
}

/** Turns the address's filter into a query; days are the viewer's own. */
export function queryOf(filter: CaseFilter): CaseQuery {
  const { opened_from, opened_until, ...rest } = filter;
  return { ...rest, opened_from: startOfDay(opened_from, 0), opened_until: startOfDay(opened_until, 1) };
}

function startOfDay(day: string | undefined, plusDays: number): string | undefined {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? '') ?? [];
  if (year === undefined || month === undefined || date === undefined) return undefined;
  return new Date(Number(year), Number(month) - 1, Number(date) + plusDays).toISOString();
}

/** Tells that cases changed since the list was read, instead of moving rows under the reader's eyes. */
function Newer({ since, onShow }: { since: unknown; onShow: () => void }) {
  const { feed } = useServices();
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    setIds(new Set());
    return feed.onChange((change: ChangeRow) => {
      if (change.entity === 'case') setIds((was) => (was.has(change.entity_id) ? was : new Set(was).add(change.entity_id)));
    });
  }, [feed, since]);
  return (
    <div class="newer">
      {ids.size > 0 && (
        <button type="button" class="button button-small" onClick={onShow}>
          <Icon name="refresh" size={14} />
          {counted(ids.size, 'case')} changed since: refresh
        </button>
      )}
    </div>
  );
}

function CaseTable({ items, isStale }: { items: readonly CaseSummary[]; isStale: boolean }) {
  const open = useCallback((event: MouseEvent, id: string) => {
    const isControl = event.target instanceof Element && event.target.closest('a, button') !== null;
    if (isControl || String(getSelection()) !== '') return;
    go({ page: 'case', id });
  }, []);
  return (
    <div class={isStale ? 'card card-flush is-stale' : 'card card-flush'}>
      <table class="table table-cards table-cases">
        <caption class="unseen">Cases</caption>
        <thead>
          <tr>
            <th scope="col">Case</th>
            <th scope="col">Status</th>
            <th scope="col">Client</th>
            <th scope="col">Court</th>
            <th scope="col">Priority</th>
            <th scope="col">Opened</th>
            <th scope="col">Changed</th>
          </tr>
        </thead>
        <tbody>
          {items.map((it) => (
            <tr key={it.id} class="row-link" onClick={(event) => open(event, it.id)}>
              <td class="cell-title">
                <a class="row-title" href={hrefOf({ page: 'case', id: it.id })}>{caseName(it)}</a>
                <span class="row-note">{[it.docket_number ?? it.case_number, it.practice_area].filter(Boolean).join(' · ')}</span>
              </td>
              <td data-label="Status"><StatusPill status={it.status} isClosed={it.is_closed} /></td>
              <td data-label="Client">
                <div>
                  <OrNothing>{it.account_name}</OrNothing>
                  {it.contact_name !== null && <span class="row-note">{it.contact_name}</span>}
                </div>
              </td>
              <td data-label="Court"><OrNothing>{it.court}</OrNothing></td>
              <td data-label="Priority"><span class={it.priority === 'High' ? 'strong' : ''}><OrNothing>{it.priority}</OrNothing></span></td>
              <td data-label="Opened" class="nowrap"><When at={it.opened_at} style="date" /></td>
              <td data-label="Changed" class="nowrap"><Ago at={it.updated_at} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
