// The frame around every page: bar, navigation, live state, theme, and the page itself.
import { useEffect, useRef, useState } from 'preact/hooks';
import { homeOf, missingFor } from './access';
import { announce } from './announce';
import { useLiveState } from './live/use-live';
import { Forbidden } from './parts/forbidden';
import { BrandMark, Icon, type IconName } from './parts/icons';
import { LocalNotice, PersonMenu, useMenu } from './parts/person-menu';
import { hrefOf, useRoute, type PageName, type Route } from './router';
import { CasePage } from './pages/case';
import { CasesPage } from './pages/cases';
import { ConflictPage } from './pages/conflict';
import { ConflictsPage } from './pages/conflicts';
import { CostsPage } from './pages/costs';
import { IntegrationsPage } from './pages/integrations';
import { MissingPage } from './pages/missing';
import { OverviewPage } from './pages/overview';
import { PlatformsPage } from './pages/platforms';
import { QueuesPage } from './pages/queues';
import { SettingsPage } from './pages/settings';
import { SyncPage } from './pages/sync';
import { TrendsPage } from './pages/trends';
import { useMay, useServices } from './services';
import { chooseTheme, onTheme, shownTheme } from './theme';
import { LIVE } from './words';

interface Place {
  route: Route;
  name: string;
  icon: IconName;
  covers: readonly PageName[];
}

const PLACES: readonly Place[] = [
  { route: { page: 'overview' }, name: 'Overview', icon: 'overview', covers: ['overview'] },
  { route: { page: 'cases', filter: {} }, name: 'Cases', icon: 'cases', covers: ['cases', 'case'] },
  { route: { page: 'trends' }, name: 'Trends', icon: 'trends', covers: ['trends'] },
  { route: { page: 'conflicts' }, name: 'Conflicts', icon: 'conflicts', covers: ['conflicts', 'conflict'] },
  { route: { page: 'sync' }, name: 'Sync', icon: 'refresh', covers: ['sync'] },
  { route: { page: 'integrations' }, name: 'Integrations', icon: 'integrations', covers: ['integrations'] },
  { route: { page: 'queues', queue: undefined }, name: 'Queues', icon: 'queues', covers: ['queues'] },
  { route: { page: 'platforms' }, name: 'Platforms', icon: 'platforms', covers: ['platforms'] },
  { route: { page: 'costs' }, name: 'Costs', icon: 'costs', covers: ['costs'] },
  { route: { page: 'settings' }, name: 'Settings', icon: 'settings', covers: ['settings'] },
];
/** A phone's bar has room for five; when there are more, the rest stand in a menu. */
const N_ON_A_PHONE = 5;

export function App() {
  const route = useRoute();
  const { me } = useServices();
  const follows = useMay('changes:follow');
  const places = PLACES.filter((place) => missingFor(place.route.page, me) === undefined);
  const nFirst = places.length > N_ON_A_PHONE ? N_ON_A_PHONE - 1 : N_ON_A_PHONE;
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
          <a class="brand" href={hrefOf(homeOf(me))}>
            <BrandMark />
            <span>MoodBridge</span>
          </a>
          <nav class="places" aria-label="Main">
            <ul>
              {places.map((place, at) => <PlaceLink key={place.name} place={place} route={route} isLater={at >= nFirst} />)}
              {places.length > nFirst && <MorePlaces places={places.slice(nFirst)} route={route} />}
            </ul>
          </nav>
          {follows && <LiveBadge />}
          <ThemeToggle />
          <PersonMenu />
        </div>
      </header>
      <LocalNotice />
      <main id="main" class="page" tabIndex={-1} ref={main}>
        <Page route={route} />
      </main>
      <p id="announcer" class="unseen" role="status" aria-live="polite" />
    </>
  );
}

function PlaceLink({ place, route, isLater = false }: { place: Place; route: Route; isLater?: boolean }) {
  return (
    <li class={isLater ? 'place-later' : undefined}>
      <a href={hrefOf(place.route)} aria-current={place.covers.includes(route.page) ? 'page' : undefined}>
        <Icon name={place.icon} />
        <span>{place.name}</span>
      </a>
    </li>
  );
}

function MorePlaces({ places, route }: { places: readonly Place[]; route: Route }) {
  const menu = useMenu();
  const isHere = places.some((place) => place.covers.includes(route.page));
  return (
    <li class="place-more">
      <details ref={menu}>
        <summary class={isHere ? 'is-here' : undefined}>
          <Icon name="more" />
          <span>More</span>
        </summary>
        <ul>{places.map((place) => <PlaceLink key={place.name} place={place} route={route} />)}</ul>
      </details>
    </li>
  );
}

function Page({ route }: { route: Route }) {
  const { me } = useServices();
  const missing = missingFor(route.page, me);
  if (missing !== undefined) return <Forbidden permission={missing} />;
  switch (route.page) {
    case 'overview':
      return <OverviewPage />;
    case 'cases':
      return <CasesPage filter={route.filter} />;
    case 'case':
      return <CasePage key={route.id} id={route.id} />;
    case 'conflicts':
      return <ConflictsPage />;
    case 'conflict':
      return <ConflictPage key={route.id} id={route.id} />;
    case 'sync':
      return <SyncPage />;
    case 'integrations':
      return <IntegrationsPage />;
    case 'platforms':
      return <PlatformsPage />;
    case 'trends':
      return <TrendsPage />;
    case 'costs':
      return <CostsPage />;
    case 'settings':
      return <SettingsPage />;
    case 'queues':
      return <QueuesPage queue={route.queue} />;
    case 'missing':
      return <MissingPage path={route.path} />;
  }
}

/** Takes the reader to the top of a new page, by eye and by keyboard. */
function usePageChange(route: Route, main: { current: HTMLElement | null }): void {
  const place = 'id' in route ? `${route.page} ${route.id}` : route.page;
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
    <span class={`live live-${state} tone-${tone}`} title={`${word}: whether changes arrive by themselves`} data-live={state}>
      <span class="live-dot" aria-hidden="true" />
      <span class="unseen">Live updates: </span>
      <span class="live-word">{word}</span>
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
