// A chart on the page: drawn once the library is there, anew when the colours change, a table when it never comes.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { onTheme } from '../theme';
import { loadPlot } from './load-plot';
import type { Plot, PlotData, PlotLook } from './plot';

/** `look` must be the same object at each call; `instead` stands where the chart cannot be drawn. */
export function Drawing({ look, data, summary, onPoint, instead }: {
  look: PlotLook;
  data: PlotData;
  summary: string;
  onPoint: (at: number | undefined) => void;
  instead: ComponentChildren;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const latest = useRef(data);
  latest.current = data;
  const [theme, setTheme] = useState(0);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => onTheme(() => setTheme((it) => it + 1)), []);
  useEffect(() => {
    let isGone = false;
    void loadPlot().then(({ makePlot }) => {
      if (!isGone && place.current !== null) plot.current = makePlot(place.current, look, latest.current, onPoint);
    }, () => setBroken(true));
    return () => {
      isGone = true;
      plot.current?.destroy();
      plot.current = undefined;
      onPoint(undefined);
    };
  }, [theme, look, onPoint]);
  useEffect(() => plot.current?.show(data), [data]);
  if (isBroken) return <>{instead}</>;
  return <div class="plot" role="img" aria-label={summary} ref={place} />;
}
