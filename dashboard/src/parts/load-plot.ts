// Fetches the chart library once, as soon as a page knows that it will draw one.

let plot: Promise<typeof import('./plot')> | undefined;

/** Loads the chart library; a failed try is forgotten, so that the next one asks again. */
export function loadPlot(): Promise<typeof import('./plot')> {
  plot ??= import('./plot').catch((thrown: unknown) => {
    plot = undefined;
    throw thrown;
  });
  return plot;
}
