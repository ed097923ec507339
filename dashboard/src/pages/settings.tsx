// The settings that hold, where each comes from, how to change one, and what was changed before.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { Problem } from '../api/problem';
import type { Setting, SettingChange, SettingsVersion } from '../api/types';
import { counted } from '../format';
import { useLoad } from '../load';
import { usePaged } from '../more';
import { Confirm } from '../parts/confirm';
import { Card, PageHead } from '../parts/frame';
import { LoadMore } from '../parts/load-more';
import { Answer, Empty, ProblemBox } from '../parts/states';
import { Pill, When } from '../parts/text';
import { useMay, useServices } from '../services';
import { fieldName } from '../words';
import { ChangeSetting, Value } from './change-setting';

type Asked = { setting: Setting } | { undo: SettingsVersion } | undefined;

export function SettingsPage() {
  const { api } = useServices();
  const mayWrite = useMay('settings:write');
  const settings = useLoad('settings', (signal) => api.settings(signal));
  const history = usePaged<SettingsVersion, number>(
    'settings history',
    async (before, signal) => {
      const page = await api.settingsHistory(before, signal);
      return { items: page.items, next: page.next_before };
    },
    (n) => announce(`${counted(n, 'older version')} loaded`),
  );
  const [asked, setAsked] = useState<Asked>();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const act = async (what: () => Promise<unknown>, said: string): Promise<void> => {
    setBusy(true);
    const failed = await what().then(() => undefined, Problem.from);
    setBusy(false);
    setProblem(failed);
    // What is not valid can be mended where it was written; everything else ends the dialog.
    if (failed?.status === 400 || failed?.status === 422) return;
    setAsked(undefined);
    if (failed === undefined) announce(said);
    settings.reload();
    history.first.reload();
  };
  const ask = (next: Asked): void => {
    setProblem(undefined);
    setAsked(next);
  };
  const version = settings.data?.version ?? 0;
  return (
    <>
      <PageHead title="Settings" lead={settings.data === undefined ? 'What holds, and where it comes from.' : `What holds, and where it comes from. Version ${version}.`} />
      <div class="stack">
        {problem !== undefined && asked === undefined && <ProblemBox problem={problem} />}
        {settings.data !== undefined && version > settings.data.running_version && (
          <p class="pending" role="status">
            MoodBridge runs with version {settings.data.running_version}. What was changed since takes effect when it starts the next time.
          </p>
        )}
        <Answer of={settings} lines={10} part="settings">
          {({ values }) => values.length === 0
            ? <div class="card"><Empty title="No settings are known" /></div>
            : groupsOf(values).map(([name, items]) => (
              <Group key={name} name={name} items={items} onChange={mayWrite ? (setting) => ask({ setting }) : undefined} />
            ))}
        </Answer>
        <Card title="History" id="history" flush note="the newest first">
          <Answer of={history.first} lines={4} part="the history of settings">
            {() => (history.items ?? []).length === 0
              ? <Empty title="Nothing was changed here yet">Changes made on this page or through the API stand here, with their author and reason.</Empty>
              : (
                <>
                  <ol>{history.items?.map((it) => <Version key={it.version} it={it} onUndo={mayWrite ? () => ask({ undo: it }) : undefined} />)}</ol>
                  <LoadMore of={history} one="version" />
                </>
              )}
          </Answer>
        </Card>
      </div>
      {asked !== undefined && 'setting' in asked && (
        <ChangeSetting
          setting={asked.setting} isBusy={isBusy} problem={problem} onNo={() => ask(undefined)}
          onYes={(value, reason) => void act(
            () => api.changeSettings({ expected_version: version, reason, set: { [asked.setting.path]: value } }),
            `${asked.setting.path} is changed`,
          )}
        />
      )}
      {asked !== undefined && 'undo' in asked && (
        <Confirm
          title={`Undo version ${asked.undo.version}?`} yes="Undo" isBusy={isBusy} onNo={() => ask(undefined)}
          onYes={() => void act(() => api.undoSettings(asked.undo.version), `Version ${asked.undo.version} is undone`)}
        >
          <p>What it changed goes back to what it was. That is a new version, which can be undone as well.</p>
          {problem !== undefined && <ProblemBox problem={problem} />}
        </Confirm>
      )}
    </>
  );
}

function groupsOf(values: readonly Setting[]): [string, Setting[]][] {
  const groups = new Map<string, Setting[]>();
  for (const it of values) {
    const [name = ''] = it.path.split(/[.[]/, 1);
    groups.set(name, [...(groups.get(name) ?? []), it]);
  }
  return [...groups];
}

function Group({ name, items, onChange }: { name: string; items: readonly Setting[]; onChange: ((setting: Setting) => void) | undefined }) {
  return (
    <Card title={fieldName(name)} id={`settings-${name}`} flush note={counted(items.length, 'setting')}>
      <table class="table table-cards table-settings">
        <caption class="unseen">Settings of {name}</caption>
        <thead>
          <tr><th scope="col">Setting</th><th scope="col">Value</th><th scope="col">From</th><th scope="col"><span class="unseen">What can be done</span></th></tr>
        </thead>
        <tbody>
          {items.map((it) => (
            <tr key={it.path} data-setting={it.path}>
              <th scope="row" class="cell-title"><code>{it.path}</code></th>
              <td data-label="Value"><Value of={it.value} /></td>
              <td data-label="From"><span class="muted">{it.source}</span></td>
              <td class="number">
                {onChange !== undefined && it.can_change && (
                  <button type="button" class="button button-small" onClick={() => onChange(it)}>Change<span class="unseen"> {it.path}</span></button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Version({ it, onUndo }: { it: SettingsVersion; onUndo: (() => void) | undefined }) {
  return (
    <li class="version" data-version={it.version}>
      <div class="version-main">
        <p class="version-head"><Pill tone="neutral">{`Version ${it.version}`}</Pill> <b>{it.reason}</b></p>
        <p class="row-note">{it.author} · <When at={it.at} style="seconds" /></p>
        <ul class="field-changes">{it.changes.map((change) => <Change key={change.path} it={change} />)}</ul>
      </div>
      {onUndo !== undefined && <button type="button" class="button button-small" onClick={onUndo}>Undo<span class="unseen"> version {it.version}</span></button>}
    </li>
  );
}

function Change({ it }: { it: SettingChange }) {
  return (
    <li>
      <code class="field-changed">{it.path}</code>{' '}
      <del><span class="unseen">from </span><Value of={it.before} /></del> <span aria-hidden="true">→</span>{' '}
      <ins><span class="unseen">to </span><Value of={it.after} /></ins>
    </li>
  );
}
