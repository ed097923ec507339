// Starts the dashboard: settings, sign-in, API, change stream, first page.
import { render } from 'preact';
import { homeOf, may } from './access';
import { ApiClient } from './api/client';
import { Problem } from './api/problem';
import { App } from './app';
import { loadAuthConfig } from './auth/config';
import { localChoice, signInLocally } from './auth/local';
import { OidcSignIn } from './auth/oidc';
import type { Session } from './auth/session';
import { loadConfig, type Config } from './config';
import { streamsAt } from './live/event-stream';
import { LiveFeed } from './live/feed';
import { Door } from './pages/door';
import { hrefOf } from './router';
import { ServicesContext } from './services';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/tables.css';
import './styles/pages.css';
import './styles/forms.css';

async function start(root: HTMLElement): Promise<void> {
  let oidc: OidcSignIn | undefined;
  try {
    const config = await loadConfig();
    const auth = await loadAuthConfig(config);
    let session: Session | undefined;
    if (auth.mode === 'local') {
      session = await signInLocally(auth, config.apiBase, localChoice());
    } else {
      oidc = new OidcSignIn(auth);
      session = await oidc.finish();
      if (session === undefined && oidc.isSignedOut) return showDoor(root, undefined, oidc);
      session ??= await oidc.begin();
    }
    await open(root, config, session, oidc);
  } catch (thrown) {
    showDoor(root, Problem.from(thrown), oidc);
  }
}

async function open(root: HTMLElement, config: Config, session: Session, oidc: OidcSignIn | undefined): Promise<void> {
  const api = new ApiClient(config.apiBase, session);
  const me = await api.me();
  const feed = new LiveFeed({ open: streamsAt(api.address('/v1/changes'), session) });
  if (may(me, 'changes:follow')) {
    addEventListener('online', () => feed.retryNow());
    addEventListener('offline', () => feed.networkLost());
    // A page kept for the back button must not hold its stream open.
    addEventListener('pagehide', () => feed.stop());
    addEventListener('pageshow', (event) => event.persisted && feed.start());
    feed.start();
  }
  const signOut = oidc === undefined ? undefined : () => {
    feed.stop();
    void oidc.signOut(session.tokens);
  };
  if (location.hash === '') history.replaceState(null, '', hrefOf(homeOf(me)));
  root.replaceChildren();
  render(
    <ServicesContext.Provider value={{ api, feed, me, signOut }}>
      <App />
    </ServicesContext.Provider>,
    root,
  );
}

function showDoor(root: HTMLElement, problem: Problem | undefined, oidc: OidcSignIn | undefined): void {
  const again = oidc === undefined ? () => location.reload() : () => {
    oidc.begin().catch((thrown: unknown) => showDoor(root, Problem.from(thrown), oidc));
  };
  root.replaceChildren();
  render(<Door problem={problem} isSignIn={oidc !== undefined} again={again} />, root);
}

const root = document.getElementById('app');
if (root !== null) void start(root);
