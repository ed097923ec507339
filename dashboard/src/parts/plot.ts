// Draws figures per day with uPlot; loaded only when a chart is shown.
import uPlot from 'uplot';
import { day } from '../format';

/** One line or row of bars. */
export interface PlotSeries {
  name: string;
  /** The custom property that holds its colour. */
  colour: string;
  fill?: string;
  isDashed?: boolean;
  isBars?: boolean;
}

/** How a chart looks; it stays while its figures change. */
export interface PlotLook {
  series: readonly PlotSeries[];
  /** The least that the scale reaches up to. */
  floor: number;
  isWhole: boolean;
  write: (value: number) => string;
}

/** The days, and the values of each series in their order. */
export interface PlotData {
  days: readonly string[];
  values: readonly (readonly number[])[];
}

export interface Plot {
  show(data: PlotData): void;
  destroy(): void;
}

const WHOLE_STEPS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000];

/** Puts a chart into `place`; `onPoint` gets the day under the pointer, or nothing. */
export function makePlot(place: HTMLElement, look: PlotLook, first: PlotData, onPoint: (at: number | undefined) => void): Plot {
  let data = first;
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
    // A bar stands on both sides of its day.
    scales: { x: { time: false, ...(look.series.some((it) => it.isBars) ? { range: () => [-0.5, data.days.length - 0.5] } : {}) }, y: { range: (_, __, max) => [0, Math.max(look.floor, look.isWhole ? Math.ceil(max * 1.05) : max * 1.05)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 32,
        space: 64,
        incrs: [1, 2, 5, 7, 14, 30],
        values: (_, splits) => splits.map((at) => { const it = data.days[at]; return it === undefined ? '' : day(it); }),
      },
      {
        ...axis,
        grid: { stroke: colour('--line'), width: 1 },
        size: look.isWhole ? 44 : 64,
        ...(look.isWhole ? { incrs: WHOLE_STEPS } : {}),
        values: (_, splits) => splits.map(look.write),
      },
    ],
    series: [{}, ...look.series.map((it) => seriesOf(it, colour))],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? undefined)] },
  };
  const plot = new uPlot(options, columns(data), place);
  const resize = new ResizeObserver(() => {
    const { clientWidth: width, clientHeight: height } = place;
    if (width > 0 && (width !== plot.width || height !== plot.height)) plot.setSize({ width, height });
  });
  resize.observe(place);
  return {
    show(next) {
      data = next;
      plot.setData(columns(data));
    },
    destroy() {
      resize.disconnect();
      plot.destroy();
    },
  };
}

function seriesOf(it: PlotSeries, colour: (name: string) => string): uPlot.Series {
  return {
    label: it.name, stroke: colour(it.colour), width: it.isBars ? 0 : 2, points: { show: false },
    ...(it.fill === undefined ? {} : { fill: colour(it.fill) }),
    ...(it.isDashed ? { dash: [6, 4] } : {}),
    ...(it.isBars ? { paths: uPlot.paths.bars!({ size: [0.7, 48], radius: 0.15 }) } : {}),
  };
}

function columns(data: PlotData): uPlot.AlignedData {
  return [data.days.map((_, at) => at), ...data.values.map((it) => [...it])];
}
