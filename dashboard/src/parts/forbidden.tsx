// The page that its reader may not see: which permission is missing, and whom to ask.
import { homeOf, missingFor, PERMISSION } from '../access';
import type { Permission } from '../api/types';
import { hrefOf } from '../router';
import { useServices } from '../services';
import { fieldName } from '../words';
import { PageHead } from './frame';
import { Empty } from './states';

export function Forbidden({ permission }: { permission: Permission }) {
  const { me } = useServices();
  const home = homeOf(me);
  const hasHome = missingFor(home.page, me) === undefined;
  const roles = me.roles.length === 0 ? 'no role' : me.roles.length === 1 ? `the role ${me.roles[0]}` : `the roles ${me.roles.join(', ')}`;
  return (
    <>
      <PageHead title="Not for you" tab="No permission" />
      <div class="card" data-missing={permission}>
        <Empty title={`You may not ${PERMISSION[permission]}`} icon="lock">
          <p>
            This page needs the permission <code>{permission}</code>. You are signed in as <b>{me.name ?? me.person}</b> and have {roles}, which does not give it.
          </p>
          <p>Ask an administrator of MoodBridge at your firm for a role that does.</p>
          {hasHome && <a class="button" href={hrefOf(home)}>Go to {fieldName(home.page).toLowerCase()}</a>}
        </Empty>
      </div>
    </>
  );
}
