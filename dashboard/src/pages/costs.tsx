// What calls to platforms cost: by day, by whatever they were made for, and against the budgets.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Budget, CostGrouping, CostGroup, Costs } from '../api/types';
import { count, day, short } from '../format';
import { useLoad } from '../load';
import { money, sumOf, units } from '../money';
import { Drawing } from '../parts/drawing';
import { Card, PageHead } from '../parts/frame';
import { loadPlot } from '../parts/load-plot';
import { Meter } from '../parts/meter';
import type { PlotLook } from '../parts/plot';
import { Answer, Empty } from '../parts/states';
import { hrefOf } from '../router';
import { useServices } from '../services';
import { fieldName } from '../words';

const SPANS = [7, 30, 90] as const;
const DAY_MS = 86_400_000;
const GROUPINGS: readonly [Exclude<CostGrouping, 'day'>, string][] = [
  ['platform', 'Platform'], ['case', 'Case'], ['connection', 'Connection'], ['run', 'Run'],
];

export function CostsPage() {
  const { api } = useServices();
  const [nDays, setDays] = useState<number>(30);
  const [by, setBy] = useState<Exclude<CostGrouping, 'day'>>('platform');
  const days = lastDays(nDays);
  const span = { from: days[0] ?? '', until: days.at(-1) ?? '' };
  const daily = useLoad(`costs day ${span.from}`, (signal) => api.costs({ by: 'day', ...span }, signal));
  const grouped = useLoad(`costs ${by} ${span.from}`, (signal) => api.costs({ by, ...span }, signal));
  useEffect(() => void loadPlot().catch(() => undefined), []);
  return (
    <>
      <PageHead title="Costs" lead="What calls to platforms cost, by the price list of this deployment.">
        <fieldset class="segments">
          <legend class="unseen">How far back</legend>
          {SPANS.map((it) => (
            <label key={it} class="segment">
              <input type="radio" name="span" checked={nDays === it} onChange={() => setDays(it)} />
              <span>{it} days</span>
            </label>
          ))}
        </fieldset>
      </PageHead>
      <Answer of={daily} lines={10} part="costs">
        {(data) => (
          <div class="grid-main">
            <PerDay data={data} days={days} />
            <Budgets items={data.budgets} currency={data.currency} />
            <div class="grid-whole">
              <Card title="What for" id="what-for" flush actions={<GroupChoice by={by} onBy={setBy} />}>
                <Answer of={grouped} lines={5}>
                  {(of) => of.items.length === 0
                    ? <Empty title="Nothing was spent in these days" icon="check">Calls that cost nothing by the price list are not counted.</Empty>
                    : <Groups items={of.items} by={by} currency={of.currency} />}
                </Answer>
              </Card>
            </div>
          </div>
        )}
      </Answer>
    </>
  );
}

/** Returns the days up to today in UTC, the earliest first. */
function lastDays(n: number): string[] {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  return Array.from({ length: n }, (_, at) => new Date(today - (n - 1 - at) * DAY_MS).toISOString().slice(0, 10));
}

function GroupChoice({ by, onBy }: { by: CostGrouping; onBy: (by: Exclude<CostGrouping, 'day'>) => void }) {
  return (
    <label class="inline-field">
      <span class="field-name">By</span>
      <select value={by} onChange={(event) => onBy(event.currentTarget.value as Exclude<CostGrouping, 'day'>)}>
        {GROUPINGS.map(([value, name]) => <option key={value} value={value}>{name}</option>)}
      </select>
    </label>
  );
}

function PerDay({ data, days }: { data: Costs; days: readonly string[] }) {
  const [isTable, setTable] = useState(false);
  const [point, setPoint] = useState<number | undefined>();
  const { currency, total } = data;
  const look = useMemo((): PlotLook => ({
    series: [{ name: 'Cost', colour: '--bar', fill: '--bar', isBars: true }], floor: 0.01, isWhole: false, write: (value) => money(value, currency),
  }), [currency]);
  const spent = useMemo(() => new Map(data.items.map((it) => [it.group, it.cost])), [data]);
  const key = days[0];
  const plotData = useMemo(() => ({ days, values: [days.map((it) => Number(spent.get(it) ?? 0))] }), [key, days.length, spent]);
  const shown = point === undefined ? undefined : days[point];
  const table = <DayTable days={days} spent={spent} currency={currency} />;
  const toggle = (
    <button type="button" class="button button-small" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
      {isTable ? 'Show chart' : 'Show table'}
    </button>
  );
  const peak = data.items.reduce<CostGroup | undefined>((most, it) => (most === undefined || Number(it.cost) > Number(most.cost) ? it : most), undefined);
  const summary = `Bar chart of ${days.length} days: ${money(total, currency)} in total.${peak === undefined ? '' : ` Most on ${day(peak.group, true)}: ${money(peak.cost, currency)}.`}`;
  return (
    <Card title="Per day" id="costs-per-day" note={`in UTC, price list ${data.price_list}`} actions={toggle}>
      <p class="legend" aria-hidden="true">
        <span class="legend-item"><b>{money(shown === undefined ? total : spent.get(shown) ?? '0', currency)}</b></span>
        <span class="legend-day muted">{shown === undefined ? 'in total' : day(shown, true)}</span>
      </p>
      <p class="unseen" data-total={total}>{summary}</p>
      {isTable ? table : <Drawing look={look} data={plotData} summary={summary} onPoint={setPoint} instead={table} />}
    </Card>
  );
}

function DayTable({ days, spent, currency }: { days: readonly string[]; spent: ReadonlyMap<string, string>; currency: string }) {
  return (
    <div class="plot-table" tabIndex={0} role="region" aria-labelledby="costs-per-day">
      <table class="table table-dense">
        <thead><tr><th scope="col">Day</th><th scope="col" class="number">Cost</th></tr></thead>
        <tbody>
          {[...days].reverse().map((it) => (
            <tr key={it}><th scope="row">{day(it, true)}</th><td class="number">{money(spent.get(it) ?? '0', currency)}</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Budgets({ items, currency }: { items: readonly Budget[]; currency: string }) {
  return (
    <Card title="Budgets" id="budgets">
      {items.length === 0 ? <Empty title="No budget is set">Name some in the settings; whoever spends more is told.</Empty> : (
        <ul class="meters">
          {items.map((it) => (
            <Meter
              key={it.name} name={it.name} percent={it.percent} value={`${count(it.percent)} %`}
              note={`${money(it.spent, currency)} of ${money(it.limit, currency)} a ${it.period}, since ${day(it.since_day)}${it.platform === null ? '' : `, ${fieldName(it.platform)} only`}`}
            />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Groups({ items, by, currency }: { items: readonly CostGroup[]; by: CostGrouping; currency: string }) {
  const name = GROUPINGS.find(([it]) => it === by)?.[1] ?? fieldName(by);
  return (
    <table class="table table-cards table-costs">
      <caption class="unseen">Costs by {by}, the dearest first; {money(sumOf(items.map((it) => it.cost)), currency)} together</caption>
      <thead>
        <tr><th scope="col">{name}</th><th scope="col">What was used</th><th scope="col" class="number">Cost</th></tr>
      </thead>
      <tbody>
        {items.map((it) => (
          <tr key={it.group}>
            <th scope="row" class="cell-title">
              {by === 'case' ? <a href={hrefOf({ page: 'case', id: it.group })}>{short(it.group, 18)}</a> : by === 'platform' ? fieldName(it.group) : it.group}
            </th>
            <td data-label="Used">
              <ul>
                {it.units.map((unit) => (
                  <li key={`${unit.platform} ${unit.operation} ${unit.unit}`}>
                    {by === 'platform' ? '' : `${fieldName(unit.platform)}: `}{fieldName(unit.operation).toLowerCase()}, {units(unit)}
                    <span class="muted"> · {money(unit.cost, currency)}</span>
                  </li>
                ))}
              </ul>
            </td>
            <td data-label="Cost" class="number strong">{money(it.cost, currency)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
