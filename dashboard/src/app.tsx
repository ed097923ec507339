// The frame around every page: bar, navigation, live state, theme, and the page itself.
import { useEffect, useRef, useState } from 'preact/hooks';
import { announce } from './announce';
import { useLiveState } from './live/use-live';
import { BrandMark, Icon, type IconName } from './parts/icons';
import { hrefOf, useRoute, type PageName, type Route } from './router';
import { CasePage } from './pages/case';
import { CasesPage } from './pages/cases';
import { IntegrationsPage } from './pages/integrations';
import { MissingPage } from './pages/missing';
import { OverviewPage } from './pages/overview';
import { QueuesPage } from './pages/queues';
import { chooseTheme, onTheme, shownTheme } from './theme';
import { LIVE } from './words';

const PLACES: readonly { route: Route; name: string; icon: IconName; covers: readonly PageName[] }[] = [
  { route: { page: 'overview' }, name: 'Overview', icon: 'overview', covers: ['overview'] },
  { route: { page: 'cases', filter: {} }, name: 'Cases', icon: 'cases', covers: ['cases', 'case'] },
  { route: { page: 'integrations' }, name: 'Integrations', icon: 'integrations', covers: ['integrations'] },
  { route: { page: 'queues', queue: undefined }, name: 'Queues', icon: 'queues', covers: ['queues'] },
];

export function App() {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  usePageChange(route, main);
  const skip = (event: Event): void => {
    event.preventDefault();
    main.current?.focus();
  };
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>Skip to content</a>
      <header class="bar">
        <div class="bar-inner">
          <a class="brand" href={hrefOf({ page: 'overview' })}>
            <BrandMark />
            <span>MoodBridge</span>
          </a>
          <nav class="places" aria-label="Main">
            <ul>
              {PLACES.map((place) => (
                <li key={place.name}>
                  <a href={hrefOf(place.route)} aria-current={place.covers.includes(route.page) ? 'page' : undefined}>
                    <Icon name={place.icon} />
                    <span>{place.name}</span>
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <LiveBadge />
          <ThemeToggle />
        </div>
      </header>
      <main id="main" class="page" tabIndex={-1} ref={main}>
        <Page route={route} />
      </main>
      <p id="announcer" class="unseen" role="status" aria-live="polite" />
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'overview':
      return <OverviewPage />;
    case 'cases':
      return <CasesPage filter={route.filter} />;
    case 'case':
      return <CasePage key={route.id} id={route.id} />;
    case 'integrations':
      return <IntegrationsPage />;
    case 'queues':
      return <QueuesPage queue={route.queue} />;
    case 'missing':
      return <MissingPage path={route.path} />;
  }
}

/** Takes the reader to the top of a new page, by eye and by keyboard. */
function usePageChange(route: Route, main: { current: HTMLElement | null }): void {
  const place = route.page === 'case' ? `case ${route.id}` : route.page;
  const last = useRef(place);
  useEffect(() => {
    if (last.current === place) return;
    last.current = place;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [place, main]);
}

function LiveBadge() {
  const state = useLiveState();
  const [word, tone] = LIVE[state];
  const said = useRef(state);
  useEffect(() => {
    // The first connection is no news.
    if (said.current !== state && said.current !== 'connecting') announce(`Live updates: ${word.toLowerCase()}`);
    said.current = state;
  }, [state, word]);
  return (
    <span class={`live live-${state} tone-${tone}`} title="Whether changes arrive by themselves" data-live={state}>
      <span class="live-dot" aria-hidden="true" />
      <span class="unseen">Live updates: </span>
      {word}
    </span>
  );
}

function ThemeToggle() {
  const [theme, setTheme] = useState(shownTheme);
  useEffect(() => onTheme(() => setTheme(shownTheme())), []);
  const other = theme === 'dark' ? 'light' : 'dark';
  const label = `Switch to ${other} colours`;
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} onClick={() => chooseTheme(other)}>
      <Icon name={theme === 'dark' ? 'sun' : 'moon'} />
    </button>
  );
}
