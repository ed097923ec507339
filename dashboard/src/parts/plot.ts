// Draws figures per day on a canvas; loaded only when a chart is shown.
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
  /** Names a day on the axis; without it, as day and month. */
  name?: (day: string) => string;
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

/** The room around the figures, in pixels. */
const ROOM = { top: 8, right: 16, bottom: 32 };
/** The least room between two names of an axis. */
const ACROSS_PX = 64;
const UPWARDS_PX = 42;
const DAY_STEPS = [1, 2, 5, 7, 14, 30];

/** Finds the step between the lines of a scale: 1, 2, 2.5 or 5 times a power of ten. */
export function stepOf(top: number, nMost: number, isWhole: boolean): number {
  const least = top / Math.max(1, nMost);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 2.5, 5, 10].map((it) => it * power).find((it) => it >= least && (!isWhole || Number.isInteger(it)));
  return isWhole ? Math.max(1, step ?? 10 * power) : step ?? 10 * power;
}

/** Finds how far up a scale reaches. */
export function topOf(data: PlotData, look: Pick<PlotLook, 'floor' | 'isWhole'>): number {
  const most = Math.max(0, ...data.values.flat().filter(Number.isFinite)) * 1.05;
  return Math.max(look.floor, look.isWhole ? Math.ceil(most) : most) || 1;
}

/** Puts a chart into `place`; `onPoint` gets the day under the pointer, or nothing. */
export function makePlot(place: HTMLElement, look: PlotLook, first: PlotData, onPoint: (at: number | undefined) => void): Plot {
  const canvas = document.createElement('canvas');
  canvas.style.display = 'block';
  place.append(canvas);
  const hasBars = look.series.some((it) => it.isBars);
  let data = first;
  let pointed: number | undefined;

  /** Where things stand, in pixels of the page. */
  const frame = () => {
    const left = look.isWhole ? 44 : 64;
    const width = Math.max(200, place.clientWidth);
    const across = width - left - ROOM.right;
    const n = Math.max(1, data.days.length);
    // A bar stands on both sides of its day.
    const gap = hasBars ? across / n : across / Math.max(1, n - 1);
    const height = place.clientHeight;
    return { left, width, height, gap, start: left + (hasBars ? gap / 2 : 0), base: height - ROOM.bottom, top: topOf(data, look) };
  };

  const draw = (): void => {
    const pen = canvas.getContext('2d');
    if (pen === null) return;
    const at = frame();
    const ratio = devicePixelRatio || 1;
    canvas.width = at.width * ratio;
    canvas.height = at.height * ratio;
    canvas.style.width = `${at.width}px`;
    canvas.style.height = `${at.height}px`;
    pen.scale(ratio, ratio);
    const styles = getComputedStyle(document.documentElement);
    const colour = (name: string): string => styles.getPropertyValue(name).trim();
    const x = (it: number): number => at.start + it * at.gap;
    const y = (value: number): number => at.base - (value / at.top) * (at.base - ROOM.top);
    pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    drawAxes(pen, colour, at, x, y);
    look.series.forEach((it, of) => drawSeries(pen, it, colour, data.values[of] ?? [], x, y, at.gap));
    if (pointed === undefined) return;
    pen.strokeStyle = colour('--text-soft');
    pen.setLineDash([3, 3]);
    line(pen, [[x(pointed), ROOM.top], [x(pointed), at.base]]);
    look.series.forEach((it, of) => {
      const value = data.values[of]?.[pointed ?? 0];
      if (value === undefined || !Number.isFinite(value) || it.isBars) return;
      pen.fillStyle = colour(it.colour);
      pen.beginPath();
      pen.arc(x(pointed ?? 0), y(value), 4, 0, 7);
      pen.fill();
    });
  };

  const drawAxes = (pen: CanvasRenderingContext2D, colour: (name: string) => string, at: ReturnType<typeof frame>, x: (it: number) => number, y: (it: number) => number): void => {
    pen.lineWidth = 1;
    pen.strokeStyle = colour('--line');
    pen.fillStyle = colour('--text-soft');
    pen.textBaseline = 'middle';
    pen.textAlign = 'right';
    const step = stepOf(at.top, Math.floor((at.base - ROOM.top) / UPWARDS_PX), look.isWhole);
    for (let value = 0; value <= at.top; value += step) {
      const height = Math.round(y(value)) + 0.5;
      line(pen, [[at.left, height], [at.width - ROOM.right, height]]);
      pen.fillText(look.write(value), at.left - 8, height);
    }
    pen.textAlign = 'center';
    const days = DAY_STEPS.find((it) => it * at.gap >= ACROSS_PX) ?? 30;
    let free = 0;
    for (let it = 0; it < data.days.length; it += days) {
      const name = (look.name ?? day)(data.days[it] ?? '');
      const half = pen.measureText(name).width / 2;
      const middle = Math.min(x(it), at.width - half);
      // A name that would touch the one before it is left out.
      if (middle - half < free) continue;
      pen.fillText(name, middle, at.base + 18);
      free = middle + half + 8;
    }
  };

  const point = (it: number | undefined): void => {
    if (it === pointed) return;
    pointed = it;
    draw();
    onPoint(it);
  };
  canvas.addEventListener('pointermove', (event) => {
    const { start, gap } = frame();
    const found = Math.round((event.offsetX - start) / gap);
    point(data.days.length === 0 ? undefined : Math.min(data.days.length - 1, Math.max(0, found)));
  });
  canvas.addEventListener('pointerleave', () => point(undefined));
  const resize = new ResizeObserver(() => place.clientWidth > 0 && draw());
  resize.observe(place);
  draw();
  return {
    show(next) {
      data = next;
      if (pointed !== undefined && pointed >= data.days.length) point(undefined);
      draw();
    },
    destroy() {
      resize.disconnect();
      canvas.remove();
    },
  };
}

function drawSeries(
  pen: CanvasRenderingContext2D, it: PlotSeries, colour: (name: string) => string, values: readonly number[], x: (at: number) => number, y: (value: number) => number, gap: number,
): void {
  const stroke = colour(it.colour);
  if (it.isBars) {
    const width = Math.min(48, gap * 0.7);
    pen.fillStyle = it.fill === undefined ? stroke : colour(it.fill);
    values.forEach((value, at) => {
      pen.beginPath();
      pen.roundRect(x(at) - width / 2, y(value), width, y(0) - y(value), [width * 0.15, width * 0.15, 0, 0]);
      pen.fill();
    });
    return;
  }
  // Where there is no value, the line goes on at the next one.
  const points = values.map((value, at): [number, number] => [x(at), y(value)]).filter(([, it]) => Number.isFinite(it));
  const [first, last] = [points[0], points.at(-1)];
  if (it.fill !== undefined && first !== undefined && last !== undefined) {
    pen.fillStyle = colour(it.fill);
    trace(pen, [[first[0], y(0)], ...points, [last[0], y(0)]]);
    pen.fill();
  }
  pen.strokeStyle = stroke;
  pen.lineWidth = 2;
  pen.setLineDash(it.isDashed ? [6, 4] : []);
  line(pen, points);
  pen.setLineDash([]);
}

function trace(pen: CanvasRenderingContext2D, points: readonly (readonly [number, number])[]): void {
  pen.beginPath();
  points.forEach(([x, y]) => pen.lineTo(x, y));
}

function line(pen: CanvasRenderingContext2D, points: readonly (readonly [number, number])[]): void {
  trace(pen, points);
  pen.stroke();
}
