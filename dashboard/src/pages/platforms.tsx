// The platforms that can be connected: what each can do, and which streams and fields it has.
import type { Platform, PlatformField, PlatformStream } from '../api/types';
import { counted } from '../format';
import { useLoad } from '../load';
import { Card, Fact, Facts, PageHead } from '../parts/frame';
import { Answer, Empty } from '../parts/states';
import { OrNothing, Pill } from '../parts/text';
import { hrefOf } from '../router';
import { useServices } from '../services';
import { fieldName } from '../words';

const SOURCE: Record<string, string> = {
  compiled: 'part of this build', built_in_manifest: 'manifest of this build', loaded_manifest: 'manifest loaded at start',
};

export function PlatformsPage() {
  const { api } = useServices();
  const platforms = useLoad('platforms', (signal) => api.platforms(signal));
  return (
    <>
      <PageHead title="Platforms" lead="What MoodBridge can be connected to, and what it reads and writes there." />
      <div class="stack">
        <Answer of={platforms} lines={8} part="platforms">
          {({ items }) => items.length === 0
            ? <div class="card"><Empty title="No platform is known">A platform is part of the build, or a manifest in the folder that the settings name.</Empty></div>
            : items.map((it) => <Known key={it.id} it={it} />)}
        </Answer>
      </div>
    </>
  );
}

function Known({ it }: { it: Platform }) {
  const id = `platform-${it.id}`;
  const { connections } = it;
  return (
    <Card title={it.title} id={id} note={`${it.id} · ${SOURCE[it.source] ?? fieldName(it.source).toLowerCase()}`}>
      <Facts>
        <Fact name="Can">
          {it.capabilities.length === 0 ? <OrNothing>{null}</OrNothing> : (
            <span class="pills">{it.capabilities.map((one) => <Pill key={one} tone="neutral">{fieldName(one)}</Pill>)}</span>
          )}
        </Fact>
        {connections !== undefined && <Fact name="Connections">
          {connections.length === 0
            ? <span class="muted">none set up</span>
            : <a href={hrefOf({ page: 'integrations' })}>{connections.join(', ')}</a>}
        </Fact>}
      </Facts>
      {it.streams.length > 0 && <Streams items={it.streams} title={it.title} />}
    </Card>
  );
}

function Streams({ items, title }: { items: readonly PlatformStream[]; title: string }) {
  return (
    <table class="table table-cards table-inset">
      <caption class="unseen">Streams of {title}</caption>
      <thead>
        <tr><th scope="col">Stream</th><th scope="col">Becomes</th><th scope="col">Fields</th></tr>
      </thead>
      <tbody>
        {items.map((it) => {
          return (
            <tr key={it.object}>
              <th scope="row" class="cell-title">{it.object}</th>
              <td data-label="Becomes"><OrNothing>{it.entity === null ? null : fieldName(it.entity)}</OrNothing></td>
              <td data-label="Fields">
                {it.fields.length === 0 ? <OrNothing>{null}</OrNothing> : (
                  <details>
                    <summary>{counted(it.fields.length, 'field')}<span class="unseen"> of {it.object}</span></summary>
                    <ul class="codes">{it.fields.map((field) => <Field key={field.name} it={field} />)}</ul>
                  </details>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Field({ it }: { it: PlatformField }) {
  const what = [it.kind, it.can_read ? undefined : 'not readable', it.can_write ? 'writable' : undefined].filter(Boolean).join(', ');
  return (
    <li>
      <code>{it.name}</code>
      <span class="muted"> {what}{it.column !== null && <> → <code>{it.column}</code></>}</span>
    </li>
  );
}
