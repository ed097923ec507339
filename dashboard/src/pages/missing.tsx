// The page for an address that is none of ours.
import { PageHead } from '../parts/frame';
import { Empty } from '../parts/states';
import { hrefOf } from '../router';

export function MissingPage({ path }: { path: string }) {
  return (
    <>
      <PageHead title="Page not found" />
      <div class="card">
        <Empty title="There is no page at this address">
          <code>#/{path}</code> is not one of ours. Go to the <a href={hrefOf({ page: 'overview' })}>overview</a> or
          look for a <a href={hrefOf({ page: 'cases', filter: {} })}>case</a>.
        </Empty>
      </div>
    </>
  );
}
