// What stands in front of the app when nobody is signed in: why, and a way in.
import { useEffect } from 'preact/hooks';
import { titleOf, adviceOn, type Problem } from '../api/problem';
import { BrandMark, Icon } from '../parts/icons';

export function Door({ problem, isSignIn, again }: {
  /** Why the reader is not let in; nothing after signing out. */
  problem: Problem | undefined;
  isSignIn: boolean;
  again: () => void;
}) {
  useEffect(() => {
    document.title = 'Sign in · MoodBridge';
  }, []);
  const advice = problem === undefined ? undefined : adviceOn(problem);
  return (
    <>
      <header class="bar">
        <div class="bar-inner"><span class="brand"><BrandMark /><span>MoodBridge</span></span></div>
      </header>
      <main class="page">
        <div class="card door" role={problem === undefined ? undefined : 'alert'}>
          <Icon name={problem === undefined ? 'person' : 'alert'} size={28} />
          <h1>{problem === undefined ? 'You are signed out' : titleOf(problem)}</h1>
          {problem !== undefined && problem.detail !== '' && <p>{problem.detail}</p>}
          {advice !== undefined && <p>{advice}</p>}
          {problem === undefined && <p>Nothing of what you saw is kept in this browser.</p>}
          <button type="button" class="button button-main" onClick={again}>
            {problem === undefined ? 'Sign in' : isSignIn ? 'Sign in again' : 'Try again'}
          </button>
        </div>
      </main>
    </>
  );
}
