// What is measured: how it changed, where it is going, and how sure that is.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Grain, Metric, MetricForecast, MetricGroup, MetricPoint, MetricSeries } from '../api/types';
import { NOTHING, counted } from '../format';
import { useLoad } from '../load';
import { Drawing } from '../parts/drawing';
import { Card, PageHead } from '../parts/frame';
import { loadPlot } from '../parts/load-plot';
import type { PlotLook } from '../parts/plot';
import { Answer, Empty } from '../parts/states';
import { useServices } from '../services';
import { change, METHODS, metricValue, periodName, toneOf } from '../trends';
import { fieldName } from '../words';

const GRAINS: readonly [Grain, string, number][] = [['month', 'Months', 24], ['week', 'Weeks', 52], ['day', 'Days', 90]];

export function TrendsPage() {
  const { api } = useServices();
  const [grain, setGrain] = useState<Grain>('month');
  const [name, setName] = useState('cases_opened');
  const list = useLoad('metrics', (signal) => api.metrics(signal));
  useEffect(() => void loadPlot().catch(() => undefined), []);
  return (
    <>
      <PageHead title="Trends" lead="How the firm's figures change, and where they are going.">
        <fieldset class="segments">
          <legend class="unseen">How long a period is</legend>
          {GRAINS.map(([it, title]) => (
            <label key={it} class="segment">
              <input type="radio" name="grain" checked={grain === it} onChange={() => setGrain(it)} />
              <span>{title}</span>
            </label>
          ))}
        </fieldset>
      </PageHead>
      <Answer of={list} lines={10} part="trends">
        {({ items, dimensions }) => {
          const metric = items.find((it) => it.name === name) ?? items[0];
          return metric === undefined ? <Empty title="No metric is defined" /> : (
            <>
              <label class="inline-field">
                <span class="field-name">Metric</span>
                <select value={metric.name} onChange={(event) => setName(event.currentTarget.value)}>
                  {items.map((it) => <option key={it.name} value={it.name}>{it.title}</option>)}
                </select>
              </label>
              <p class="muted trend-meaning">{metric.description}</p>
              <OneMetric key={`${metric.name} ${grain}`} metric={metric} grain={grain} dimensions={dimensions} />
            </>
          );
        }}
      </Answer>
    </>
  );
}

function OneMetric({ metric, grain, dimensions }: { metric: Metric; grain: Grain; dimensions: readonly string[] }) {
  const { api } = useServices();
  const nPeriods = GRAINS.find(([it]) => it === grain)?.[2] ?? 24;
  const whole = useLoad(`metric ${metric.name} ${grain}`, (signal) => api.metric(metric.name, { grain, periods: nPeriods }, signal));
  const ahead = useLoad(`forecast ${metric.name} ${grain}`, (signal) => api.forecast(metric.name, { grain }, signal));
  return (
    <Answer of={whole} lines={10}>
      {(data) => {
        const group = data.groups[0];
        return group === undefined ? <Empty title="Nothing to count yet">As soon as cases arrive, they are counted here.</Empty> : (
          <>
            <Figures metric={metric} grain={grain} points={group.points} forecast={ahead.data} />
            <div class="grid-main">
              <Chart metric={metric} grain={grain} group={group} forecast={ahead.data} />
              <div class="stack">
                <Card title="What comes next" id="forecast">
                  <Answer of={ahead} lines={4}>{(it) => <Ahead metric={metric} grain={grain} forecast={it} />}</Answer>
                </Card>
                <Steps metric={metric} grain={grain} group={group} />
              </div>
              <div class="grid-whole"><ByGroup metric={metric} grain={grain} dimensions={dimensions} /></div>
            </div>
          </>
        );
      }}
    </Answer>
  );
}

function Figures({ metric, grain, points, forecast }: { metric: Metric; grain: Grain; points: readonly MetricPoint[]; forecast: MetricForecast | undefined }) {
  const over = points.filter((it) => it.is_complete);
  const last = over.at(-1);
  const next = forecast?.points[0];
  return (
    <section class="figures figures-four" aria-label="Key figures">
      <Figure name={last === undefined ? 'Last period' : periodName(last.period, last.from, grain)} value={metricValue(last?.value, metric)} note="the last whole one" />
      <Figure name={`Against the ${grain} before`} value={change(last?.previous_change)} tone={toneOf(last?.previous_change, metric)} />
      <Figure name="Against a year before" value={change(last?.year_change)} tone={toneOf(last?.year_change, metric)} />
      <Figure
        name={`Expected this ${grain}`} value={metricValue(next?.value, metric)}
        note={next === undefined ? undefined : `${metricValue(next.low, metric)} to ${metricValue(next.high, metric)}`}
      />
    </section>
  );
}

function Figure({ name, value, note, tone }: { name: string; value: string; note?: string | undefined; tone?: string | undefined }) {
  return (
    <div class="figure">
      <h2 class="figure-name">{name}</h2>
      <p class={tone === undefined ? 'figure-value' : `figure-value tone-${tone}`}>{value}</p>
      {note !== undefined && <p class="figure-below">{note}</p>}
    </div>
  );
}

function Chart({ metric, grain, group, forecast }: { metric: Metric; grain: Grain; group: MetricGroup; forecast: MetricForecast | undefined }) {
  const [isTable, setTable] = useState(false);
  const [point, setPoint] = useState<number | undefined>();
  const look = useMemo((): PlotLook => ({
    series: [
      { name: metric.title, colour: '--plot-1', fill: '--plot-1-fill' },
      { name: 'Expected', colour: '--plot-2', isDashed: true },
      { name: 'At least', colour: '--line' },
      { name: 'At most', colour: '--line' },
    ],
    floor: 1, isWhole: false, write: (value) => metricValue(value, metric),
    ...(grain === 'month' ? { name: (from: string) => periodName('', from, grain) } : {}),
  }), [metric, grain]);
  const rows = useMemo(() => rowsOf(group.points, forecast), [group, forecast]);
  const data = useMemo(() => ({
    days: rows.map((it) => it.from),
    values: [rows.map((it) => it.value ?? Number.NaN), rows.map((it) => it.expected ?? Number.NaN), rows.map((it) => it.low ?? Number.NaN), rows.map((it) => it.high ?? Number.NaN)],
  }), [rows]);
  const shown = point === undefined ? undefined : rows[point];
  const table = <RowTable rows={rows} metric={metric} grain={grain} />;
  const toggle = (
    <button type="button" class="button button-small" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
      {isTable ? 'Show chart' : 'Show table'}
    </button>
  );
  const nAhead = forecast?.points.length ?? 0;
  const summary = `Line chart of ${counted(group.points.length, grain)} of ${metric.title.toLowerCase()}${nAhead === 0 ? '' : `, and what is expected of the next ${counted(nAhead, grain)}`}.`;
  return (
    <Card title={metric.title} id="trend" note={`per ${grain} in UTC`} actions={toggle}>
      <p class="legend" aria-hidden="true">
        <span class="legend-item"><span class="key key-opened" />Counted <b>{metricValue(shown?.value, metric)}</b></span>
        <span class="legend-item"><span class="key key-closed" />Expected <b>{metricValue(shown?.expected, metric)}</b></span>
        <span class="legend-day muted">{shown === undefined ? 'point at the chart' : periodName(shown.period, shown.from, grain)}</span>
      </p>
      {isTable ? table : <Drawing look={look} data={data} summary={summary} onPoint={setPoint} instead={table} />}
    </Card>
  );
}

interface Row {
  period: string;
  from: string;
  value?: number | undefined;
  expected?: number | undefined;
  low?: number | undefined;
  high?: number | undefined;
}

/** Puts what was counted and what is expected side by side; a period that is not over has both only in the table. */
function rowsOf(points: readonly MetricPoint[], forecast: MetricForecast | undefined): Row[] {
  const rows = new Map<string, Row>();
  for (const it of points) {
    rows.set(it.period, { period: it.period, from: it.from, ...(it.is_complete && it.value !== null ? { value: it.value } : {}) });
  }
  const last = points.filter((it) => it.is_complete).at(-1);
  // The dashed line begins where the other one ends.
  if (last !== undefined && last.value !== null && (forecast?.points.length ?? 0) > 0) {
    rows.set(last.period, { period: last.period, from: last.from, value: last.value, expected: last.value, low: last.value, high: last.value });
  }
  for (const it of forecast?.points ?? []) {
    rows.set(it.period, { ...rows.get(it.period), period: it.period, from: it.from, expected: it.value, low: it.low, high: it.high });
  }
  return [...rows.values()];
}

function RowTable({ rows, metric, grain }: { rows: readonly Row[]; metric: Metric; grain: Grain }) {
  return (
    <div class="plot-table" tabIndex={0} role="region" aria-labelledby="trend">
      <table class="table table-dense">
        <thead><tr><th scope="col">Period</th><th scope="col" class="number">Counted</th><th scope="col" class="number">Expected</th><th scope="col" class="number">Between</th></tr></thead>
        <tbody>
          {[...rows].reverse().map((it) => (
            <tr key={it.period}>
              <th scope="row">{periodName(it.period, it.from, grain)}</th>
              <td class="number">{metricValue(it.value, metric)}</td>
              <td class="number">{it.low === it.high ? NOTHING : metricValue(it.expected, metric)}</td>
              <td class="number">{it.low === it.high ? NOTHING : `${metricValue(it.low, metric)} to ${metricValue(it.high, metric)}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Ahead({ metric, grain, forecast }: { metric: Metric; grain: Grain; forecast: MetricForecast }) {
  const best = forecast.back_tests[0];
  if (forecast.reason !== null || best === undefined) {
    return <Empty title="Too little to go by">{forecast.reason ?? ''}</Empty>;
  }
  return (
    <>
      <table class="table table-dense">
        <caption class="unseen">What is expected of the next {counted(forecast.points.length, grain)}</caption>
        <thead><tr><th scope="col">Period</th><th scope="col" class="number">Expected</th><th scope="col" class="number">Between</th></tr></thead>
        <tbody>
          {forecast.points.map((it) => (
            <tr key={it.period}>
              <th scope="row">{periodName(it.period, it.from, grain)}</th>
              <td class="number">{metricValue(it.value, metric)}</td>
              <td class="number">{metricValue(it.low, metric)} to {metricValue(it.high, metric)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted trend-error">
        {METHODS[best.method]}, from {counted(forecast.n_periods, grain)}. Tried on the last {counted(best.n_folds, grain)}, it was {metricValue(best.mean_error, metric)}{metric.unit === 'cases' ? ' cases' : ''} off on average
        {best.relative_error === null ? '' : ` (${change(best.relative_error).replace('+', '')})`}.
      </p>
    </>
  );
}

function Steps({ metric, grain, group }: { metric: Metric; grain: Grain; group: MetricGroup }) {
  const from = new Map(group.points.map((it) => [it.period, it.from]));
  return (
    <Card title="Changes of level" id="steps">
      {group.change_points.length === 0 ? <Empty title="Steady" icon="check">The level did not change in these {counted(group.points.length, grain)}.</Empty> : (
        <ul class="plain-list">
          {[...group.change_points].reverse().map((it) => (
            <li key={it.period}>
              <b>{periodName(it.period, from.get(it.period) ?? '', grain)}</b>: from {metricValue(it.before, metric)} to {metricValue(it.after, metric)}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function ByGroup({ metric, grain, dimensions }: { metric: Metric; grain: Grain; dimensions: readonly string[] }) {
  const { api } = useServices();
  const [by, setBy] = useState(dimensions[0] ?? 'court');
  const grouped = useLoad(`metric ${metric.name} ${grain} ${by}`, (signal) => api.metric(metric.name, { grain, periods: 2, by }, signal));
  const choice = (
    <label class="inline-field">
      <span class="field-name">By</span>
      <select value={by} onChange={(event) => setBy(event.currentTarget.value)}>
        {dimensions.map((it) => <option key={it} value={it}>{fieldName(it)}</option>)}
      </select>
    </label>
  );
  return (
    <Card title="By group" id="by-group" note={`the last whole ${grain}`} flush actions={choice}>
      <Answer of={grouped} lines={5}>
        {(data) => data.groups.length === 0 ? <Empty title="No cases in these periods" /> : <Groups data={data} metric={metric} grain={grain} by={by} />}
      </Answer>
    </Card>
  );
}

function Groups({ data, metric, grain, by }: { data: MetricSeries; metric: Metric; grain: Grain; by: string }) {
  const nameOf = (it: MetricGroup): string => (it.kind === 'rest' ? 'All others' : it.group ?? 'None');
  return (
    <table class="table table-cards">
      <caption class="unseen">{metric.title} by {fieldName(by).toLowerCase()}</caption>
      <thead>
        <tr>
          <th scope="col">{fieldName(by)}</th><th scope="col" class="number">{metric.title}</th>
          <th scope="col" class="number">Against the {grain} before</th><th scope="col" class="number">Against a year before</th>
        </tr>
      </thead>
      <tbody>
        {data.groups.map((it) => {
          const last = it.points.filter((point) => point.is_complete).at(-1);
          return (
            <tr key={`${it.kind} ${it.group ?? ''}`}>
              <th scope="row" class="cell-title">{nameOf(it)}</th>
              <td data-label={metric.title} class="number strong">{metricValue(last?.value, metric)}</td>
              <td data-label={`Against the ${grain} before`} class={`number tone-${toneOf(last?.previous_change, metric) ?? 'none'}`}>{change(last?.previous_change)}</td>
              <td data-label="Against a year before" class={`number tone-${toneOf(last?.year_change, metric) ?? 'none'}`}>{change(last?.year_change)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

