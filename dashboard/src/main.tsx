// Starts the dashboard: settings, API, change stream, first page.
import { render } from 'preact';
import { ApiClient } from './api/client';
import { App } from './app';
import { loadConfig } from './config';
import { LiveFeed } from './live/feed';
import { ServicesContext } from './services';
import 'uplot/dist/uPlot.min.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/tables.css';
import './styles/pages.css';

async function start(root: HTMLElement): Promise<void> {
  const config = await loadConfig();
  const api = new ApiClient(config.apiBase);
  const feed = new LiveFeed({ address: (seq) => api.address('/v1/changes', { after: seq }) });
  addEventListener('online', () => feed.retryNow());
  addEventListener('offline', () => feed.networkLost());
  // A page kept for the back button must not hold its stream open.
  addEventListener('pagehide', () => feed.stop());
  addEventListener('pageshow', (event) => event.persisted && feed.start());
  feed.start();
  root.replaceChildren();
  render(
    <ServicesContext.Provider value={{ api, feed }}>
      <App />
    </ServicesContext.Provider>,
    root,
  );
}

const root = document.getElementById('app');
if (root !== null) void start(root);
