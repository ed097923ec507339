// Draws opened and closed cases per day with uPlot; loaded only when a chart is shown.
import uPlot from 'uplot';
import type { DayCount } from '../api/types';
import { count, day } from '../format';

export interface Plot {
  show(days: readonly DayCount[]): void;
  destroy(): void;
}

/** Puts a chart into `place`; `onPoint` gets the row under the pointer, or nothing. */
export function makePlot(place: HTMLElement, first: readonly DayCount[], onPoint: (at: number | undefined) => void): Plot {
  let days = first;
  const colours = getComputedStyle(document.documentElement);
  const colour = (name: string): string => colours.getPropertyValue(name).trim();
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: colour('--text-soft'), font, ticks: { show: false } };
  const options: uPlot.Options = {
    width: Math.max(200, place.clientWidth),
    height: place.clientHeight,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(4, Math.ceil(max * 1.05))] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 32,
        space: 64,
        incrs: [1, 2, 5, 7, 14, 30],
        values: (_, splits) => splits.map((at) => (days[at] === undefined ? '' : day(days[at].day))),
      },
      {
        ...axis,
        grid: { stroke: colour('--line'), width: 1 },
        size: 44,
        incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000],
        values: (_, splits) => splits.map((value) => count(value)),
      },
    ],
    series: [
      {},
      series('Opened', colour('--plot-1'), { fill: colour('--plot-1-fill') }),
      series('Closed', colour('--plot-2'), { dash: [6, 4] }),
    ],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? undefined)] },
  };
  const plot = new uPlot(options, columns(days), place);
  const resize = new ResizeObserver(() => {
    const { clientWidth: width, clientHeight: height } = place;
    if (width > 0 && (width !== plot.width || height !== plot.height)) plot.setSize({ width, height });
  });
  resize.observe(place);
  return {
    show(next) {
      days = next;
      plot.setData(columns(days));
    },
    destroy() {
      resize.disconnect();
      plot.destroy();
    },
  };
}

function series(label: string, stroke: string, look: Partial<uPlot.Series>): uPlot.Series {
  return { label, stroke, width: 2, points: { show: false }, ...look };
}

function columns(days: readonly DayCount[]): uPlot.AlignedData {
  return [days.map((_, at) => at), days.map((it) => it.n_opened), days.map((it) => it.n_closed)];
}
