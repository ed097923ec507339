// Opened against closed cases per day: a chart, the same in words, and the same as a table.
import { useMemo, useState } from 'preact/hooks';
import type { DayCount } from '../api/types';
import { count, day } from '../format';
import { Drawing } from './drawing';
import { Card } from './frame';
import type { PlotLook } from './plot';
import { Empty } from './states';

const LOOK: PlotLook = {
  series: [
    { name: 'Opened', colour: '--plot-1', fill: '--plot-1-fill' },
    { name: 'Closed', colour: '--plot-2', isDashed: true },
  ],
  floor: 4, isWhole: true, write: count,
};

export function DayChart({ days }: { days: readonly DayCount[] }) {
  const [isTable, setTable] = useState(false);
  const [point, setPoint] = useState<number | undefined>();
  const data = useMemo(() => ({ days: days.map((it) => it.day), values: [days.map((it) => it.n_opened), days.map((it) => it.n_closed)] }), [days]);
  const nOpened = days.reduce((sum, it) => sum + it.n_opened, 0);
  const nClosed = days.reduce((sum, it) => sum + it.n_closed, 0);
  const shown = point === undefined ? undefined : days[point];
  const toggle = (
    <button type="button" class="button button-small" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
      {isTable ? 'Show chart' : 'Show table'}
    </button>
  );
  return (
    <Card title="Opened and closed" id="per-day" note={`per day in UTC, last ${days.length} days`} actions={toggle}>
      <p class="legend" aria-hidden="true">
        <span class="legend-item"><span class="key key-opened" />Opened <b>{count(shown?.n_opened ?? nOpened)}</b></span>
        <span class="legend-item"><span class="key key-closed" />Closed <b>{count(shown?.n_closed ?? nClosed)}</b></span>
        <span class="legend-day muted">{shown === undefined ? 'in total' : day(shown.day, true)}</span>
      </p>
      {days.length === 0 && <Empty title="No days to show yet">As soon as cases arrive, they are counted here.</Empty>}
      {days.length > 0 && (isTable ? <DayTable days={days} /> : (
        <Drawing look={LOOK} data={data} summary={summaryOf(days, nOpened, nClosed)} onPoint={setPoint} instead={<DayTable days={days} />} />
      ))}
    </Card>
  );
}

/** Says in a sentence or two what the chart shows. */
export function summaryOf(days: readonly DayCount[], nOpened: number, nClosed: number): string {
  const peak = days.reduce<DayCount | undefined>((best, it) => (best === undefined || it.n_opened > best.n_opened ? it : best), undefined);
  const all = `Line chart of ${days.length} days: ${count(nOpened)} cases opened and ${count(nClosed)} closed.`;
  return peak === undefined ? all : `${all} Most were opened on ${day(peak.day, true)}: ${count(peak.n_opened)}.`;
}

function DayTable({ days }: { days: readonly DayCount[] }) {
  return (
    <div class="plot-table" tabIndex={0} role="region" aria-labelledby="per-day">
      <table class="table table-dense">
        <thead>
          <tr><th scope="col">Day</th><th scope="col" class="number">Opened</th><th scope="col" class="number">Closed</th></tr>
        </thead>
        <tbody>
          {[...days].reverse().map((it) => (
            <tr key={it.day}>
              <th scope="row">{day(it.day, true)}</th>
              <td class="number">{count(it.n_opened)}</td>
              <td class="number">{count(it.n_closed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
