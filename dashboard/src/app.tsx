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
import { PipelinePage } from './pages/pipeline';
import { RunPage } from './pages/pipeline-run';
import { PipelinesPage } from './pages/pipelines';
import { PlatformsPage } from './pages/platforms';
import { QueuesPage } from './pages/queues';
import { ReportsPage } from './pages/reports';
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
  { route: { page: 'reports' }, name: 'Reports', icon: 'file', covers: ['reports'] },
  { route: { page: 'conflicts' }, name: 'Conflicts', icon: 'conflicts', covers: ['conflicts', 'conflict'] },
  { route: { page: 'sync' }, name: 'Sync', icon: 'refresh', covers: ['sync'] },
  { route: { page: 'pipelines' }, name: 'Pipelines', icon: 'pipelines', covers: ['pipelines', 'pipeline', 'run'] },
  { route: { page: 'integrations' }, name: 'Integrations', icon: 'integrations', covers: ['integrations'] },
  { route: { page: 'queues', queue: undefined }, name: 'Queues', icon: 'queues', covers: ['queues'] },
  { route: { page: 'platforms' }, name: 'Platforms', icon: 'platforms', covers: ['platforms'] },
  { route: { page: 'costs' }, name: 'Costs', icon: 'costs', covers: ['costs'] },
  { route: { page: 'settings' }, name: 'Settings', icon: 'settings', covers: ['settings'] },
];
/** A phone's bar has room for five, a laptop's for eight; when there are more, the rest stand in a menu. */
const N_ON_A_PHONE = 5;
const N_ON_A_LAPTOP = 8;

/** Tells how many of `n` places stand in a bar with room for `room`; the menu takes the place of one. */
const nInBar = (n: number, room: number): number => (n > room ? room - 1 : room);

export function App() {
  const route = useRoute();
  const { me } = useServices();
  const follows = useMay('changes:follow');
  const places = PLACES.filter((place) => missingFor(place.route.page, me) === undefined);
  const nOnPhone = nInBar(places.length, N_ON_A_PHONE);
  const nOnLaptop = nInBar(places.length, N_ON_A_LAPTOP);
  const classOf = (at: number): string => (at >= nOnLaptop ? 'place-later place-last' : at >= nOnPhone ? 'place-later' : '');
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
              {places.map((place, at) => <PlaceLink key={place.name} place={place} route={route} where={classOf(at)} />)}
              {places.length > nOnPhone && <MorePlaces places={places.slice(nOnPhone)} nInBar={nOnLaptop - nOnPhone} route={route} />}
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

function PlaceLink({ place, route, where }: { place: Place; route: Route; where?: string }) {
  return (
    <li class={where}>
      <a href={hrefOf(place.route)} aria-current={place.covers.includes(route.page) ? 'page' : undefined}>
        <Icon name={place.icon} />
        <span>{place.name}</span>
      </a>
    </li>
  );
}

/** The menu of the places that the bar has no room for; a laptop's bar has room for the first `nInBar` of them. */
function MorePlaces({ places, nInBar, route }: { places: readonly Place[]; nInBar: number; route: Route }) {
  const menu = useMenu();
  const here = places.findIndex((place) => place.covers.includes(route.page));
  const where = here < 0 ? '' : here < nInBar ? 'is-here-on-phone' : 'is-here';
  return (
    <li class={places.length > nInBar ? 'place-more' : 'place-more place-more-on-phone'}>
      <details ref={menu}>
        <summary class={where}>
          <Icon name="more" />
          <span>More</span>
        </summary>
        <ul>{places.map((place, at) => <PlaceLink key={place.name} place={place} route={route} where={at < nInBar ? 'place-in-bar' : ''} />)}</ul>
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
    case 'reports':
      return <ReportsPage />;
    case 'pipelines':
      return <PipelinesPage />;
    case 'pipeline':
      return <PipelinePage key={route.name} name={route.name} />;
    case 'run':
      return <RunPage key={route.id} id={route.id} />;
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
  const place = 'id' in route ? `${route.page} ${route.id}` : route.page === 'pipeline' ? `pipeline ${route.name}` : route.page;
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
