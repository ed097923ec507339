// Who is reading, and a way to be somebody else: to sign out, or to try another person where nobody signs in.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ROLES } from '../access';
import { becomeLocally, localChoice } from '../auth/local';
import { useServices } from '../services';
import { fieldName } from '../words';
import { Icon } from './icons';

/** Closes an open `details` by Escape, by a click elsewhere, and when a link in it was followed. */
export function useMenu() {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (): void => {
      if (menu.current !== null) menu.current.open = false;
    };
    const onClick = (event: MouseEvent): void => {
      const target = event.target instanceof Element ? event.target : null;
      if (menu.current?.contains(target) !== true || target?.closest('a') != null) close();
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || menu.current?.open !== true) return;
      close();
      menu.current.querySelector('summary')?.focus();
    };
    document.addEventListener('click', onClick);
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('click', onClick);
      document.removeEventListener('keydown', onKey);
    };
  }, []);
  return menu;
}

export function PersonMenu() {
  const { me, signOut } = useServices();
  const menu = useMenu();
  const name = me.name ?? me.person;
  return (
    <details class="menu" ref={menu} data-person={me.person}>
      <summary class="menu-button">
        <Icon name="person" />
        <span class="menu-name">{name}</span>
        <span class="unseen">: who you are</span>
      </summary>
      <div class="menu-panel">
        <p class="strong">{name}</p>
        <p class="row-note">{me.roles.length === 0 ? 'No role yet' : me.roles.map(fieldName).join(', ')}</p>
        {signOut === undefined ? <Become /> : <button type="button" class="button menu-act" onClick={signOut}>Sign out</button>}
      </div>
    </details>
  );
}

function Become() {
  const { me } = useServices();
  const [person, setPerson] = useState(me.person);
  const [role, setRole] = useState(me.roles[0] ?? 'admin');
  const choose = (event: Event): void => {
    event.preventDefault();
    becomeLocally({ person: person.trim() || 'me', roles: [role] });
  };
  return (
    <form class="menu-form" onSubmit={choose}>
      <p class="row-note">See what somebody else sees:</p>
      <label class="field">
        <span class="field-name">Person</span>
        <input type="text" value={person} maxLength={255} pattern="[!-~]+" required autocomplete="off" onInput={(event) => setPerson(event.currentTarget.value)} />
      </label>
      <label class="field">
        <span class="field-name">Role</span>
        <select value={role} onChange={(event) => setRole(event.currentTarget.value)}>
          {ROLES.map((it) => <option key={it} value={it}>{fieldName(it)}</option>)}
        </select>
      </label>
      <div class="menu-row">
        <button type="submit" class="button button-main">Be this person</button>
        {localChoice() !== undefined && <button type="button" class="button" onClick={() => becomeLocally(undefined)}>Be yourself</button>}
      </div>
    </form>
  );
}

/** Says calmly that this machine asks nobody who they are. */
export function LocalNotice() {
  const { me, signOut } = useServices();
  if (signOut !== undefined) return null;
  const roles = me.roles.length === 0 ? 'without a role' : `as ${me.roles.join(', ')}`;
  return (
    <aside class="notice" aria-label="Sign-in">
      <div class="notice-inner">
        <Icon name="unlocked" size={16} />
        <p>
          <b>Nobody has to sign in on this machine.</b> You read as <b>{me.person}</b>, {roles}; any program here could.
          <span class="notice-more"> For a firm, set <code>[identity]</code> in moodbridge.toml.</span>
        </p>
      </div>
    </aside>
  );
}
