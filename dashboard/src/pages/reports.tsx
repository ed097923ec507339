// Reports: which may be asked for, how those that were stand, and their files.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { Problem } from '../api/problem';
import type { Report, ReportDefinition, ReportFile } from '../api/types';
import { bytes, counted } from '../format';
import { useLoad } from '../load';
import { usePaged } from '../more';
import { Confirm } from '../parts/confirm';
import { Card, PageHead } from '../parts/frame';
import { LoadMore } from '../parts/load-more';
import { Answer, Empty, ProblemBox } from '../parts/states';
import { Ago, OrNothing, Pill } from '../parts/text';
import { useServices } from '../services';
import { actorName, REPORT_OF, REPORT_STATE } from '../words';

const FOLLOW_EVERY_MS = 2_000;

export function ReportsPage() {
  const { api } = useServices();
  const list = useLoad('report definitions', (signal) => api.reportDefinitions(signal));
  const [nOrdered, setOrdered] = useState(0);
  return (
    <>
      <PageHead title="Reports" lead="Figures, charts and tables to read, print and hand on." />
      <div class="stack">
        <Card title="What can be asked for" id="definitions" flush>
          <Answer of={list} lines={4} part="reports">
            {({ items }) => items.length === 0
              ? <Empty title="No report is defined" />
              : <Definitions items={items} onOrdered={() => setOrdered((it) => it + 1)} />}
          </Answer>
        </Card>
        {list.data !== undefined && <Made key={nOrdered} />}
      </div>
    </>
  );
}

function Definitions({ items, onOrdered }: { items: readonly ReportDefinition[]; onOrdered: () => void }) {
  const [asked, setAsked] = useState<{ of: ReportDefinition; key: string } | undefined>();
  const ask = (of: ReportDefinition): void => setAsked({ of, key: `dashboard-${Date.now()}-${Math.random().toString(36).slice(2)}` });
  return (
    <>
      <table class="table table-cards">
        <caption class="unseen">Reports that may be asked for</caption>
        <thead><tr><th scope="col">Report</th><th scope="col">Of</th><th scope="col">Made by itself</th><th scope="col">Ask</th></tr></thead>
        <tbody>
          {items.map((it) => (
            <tr key={it.name}>
              <th scope="row" class="cell-title">{it.title ?? it.name}{it.about !== null && <span class="row-note">{it.about}</span>}{it.faults.map((one) => <span key={one.text} class="row-note row-error">{one.file}:{one.line} {one.text}</span>)}</th>
              <td data-label="Of"><OrNothing>{it.kind === null ? null : REPORT_OF[it.kind]}</OrNothing></td>
              <td data-label="By itself"><OrNothing>{it.schedule === null ? null : `at ${it.schedule} UTC behind its period`}</OrNothing></td>
              <td data-label="Ask">{it.is_valid && it.kind !== null ? <button type="button" class="button button-small" onClick={() => ask(it)}>Make<span class="unseen"> {it.title}</span></button> : <Pill tone="bad">Broken</Pill>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {asked !== undefined && <Order of={asked.of} orderKey={asked.key} onDone={(isOrdered) => { setAsked(undefined); if (isOrdered) onOrdered(); }} />}
    </>
  );
}

function Order({ of, orderKey, onDone }: { of: ReportDefinition; orderKey: string; onDone: (isOrdered: boolean) => void }) {
  const { api } = useServices();
  const [subject, setSubject] = useState('');
  const [period, setPeriod] = useState(of.period ?? '');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const needsSubject = of.kind === 'case' || (of.kind === 'pipeline' && of.pipeline === null);
  const order = async (): Promise<void> => {
    setBusy(true);
    try {
      const named = { ...(needsSubject ? { subject: subject.trim() } : {}), ...(of.period === null ? {} : { period: period.trim() }) };
      await api.orderReport({ report: of.name, ...named }, orderKey);
      announce(`${of.title ?? of.name} is being made`);
      onDone(true);
    } catch (thrown) {
      setProblem(Problem.from(thrown));
      setBusy(false);
    }
  };
  return (
    <Confirm title={`Make ${of.title ?? of.name}?`} yes="Make" isBusy={isBusy} onYes={() => void order()} onNo={() => onDone(false)}>
      <p>It shows what you may see, and is listed for you alone.</p>
      {needsSubject && (
        <label class="field">
          <span class="field-name">{of.kind === 'case' ? 'Id of the case, ours or that of its record' : 'Pipeline'}</span>
          <input type="text" value={subject} onInput={(event) => setSubject(event.currentTarget.value)} />
        </label>
      )}
      {of.period !== null && (
        <label class="field">
          <span class="field-name">Period, such as {of.period}</span>
          <input type="text" value={period} onInput={(event) => setPeriod(event.currentTarget.value)} />
        </label>
      )}
      {problem !== undefined && <ProblemBox problem={problem} />}
    </Confirm>
  );
}

function Made() {
  const { api } = useServices();
  const made = usePaged(
    'reports',
    (after: string | undefined, signal) => api.reports(after, signal).then((it) => ({ items: it.items, next: it.next_after })),
    (n) => announce(`${counted(n, 'more report')} shown`),
  );
  return (
    <Card title="What was made" id="made" flush note="the newest first">
      <Answer of={made.first} lines={5}>
        {() => made.items?.length === 0
          ? <Empty title="No report was made yet">Ask for one above.</Empty>
          : (
            <>
              <table class="table table-cards">
                <caption class="unseen">Reports that were made, the newest first</caption>
                <thead><tr><th scope="col">Report</th><th scope="col">About</th><th scope="col">State</th><th scope="col">Files</th></tr></thead>
                <tbody>{made.items?.map((it) => <Row key={it.id} listed={it} />)}</tbody>
              </table>
              <LoadMore of={made} one="report" />
            </>
          )}
      </Answer>
    </Card>
  );
}

/** One report; it is asked after until it is ready or failed. */
function Row({ listed }: { listed: Report }) {
  const { api } = useServices();
  const wasOver = isEnded(listed);
  const [isOver, setOver] = useState(wasOver);
  const followed = useLoad(`report ${listed.id}`, async (signal) => {
    if (wasOver) return listed;
    const it = await api.report(listed.id, signal);
    setOver(isEnded(it));
    return it;
  }, isOver ? undefined : FOLLOW_EVERY_MS);
  const it = followed.data ?? listed;
  const [word, tone] = REPORT_STATE[it.state];
  return (
    <tr>
      <th scope="row" class="cell-title">{it.report}<span class="row-note"><Ago at={it.requested_at} /> · {it.ordered_by === 'schedule' ? 'by the clock' : actorName(it.ordered_by)}</span></th>
      <td data-label="About">{it.period}{it.subject !== null && <span class="row-note">{it.subject}</span>}</td>
      <td data-label="State"><Pill tone={tone}>{word}</Pill>{it.message !== null && <span class="row-note run-message">{it.message}</span>}</td>
      <td data-label="Files"><Files of={it} /></td>
    </tr>
  );
}

function isEnded({ state }: Report): boolean {
  return state === 'ready' || state === 'failed';
}

function Files({ of }: { of: Report }) {
  const { api } = useServices();
  const [problem, setProblem] = useState<Problem | undefined>();
  if (of.files.length === 0) return <OrNothing>{null}</OrNothing>;
  const fetchFile = async (file: ReportFile): Promise<void> => {
    setProblem(undefined);
    try {
      const { link, name } = await api.reportLink(of.id, file);
      // A store's address is good by itself; the API wants a token, which no plain link carries.
      const isOurs = link.url.startsWith('/');
      const address = isOurs ? URL.createObjectURL(await api.bytes(link.url)) : link.url;
      save(address, name);
      if (isOurs) URL.revokeObjectURL(address);
      announce(`${name} is fetched`);
    } catch (thrown) {
      setProblem(Problem.from(thrown));
    }
  };
  return (
    <>
      <span class="report-files">
        {of.files.map((file) => (
          <button key={`${file.format} ${file.table}`} type="button" class="button button-small" title={bytes(file.n_bytes)} onClick={() => void fetchFile(file)}>
            {file.format.toUpperCase()}{file.table !== null && `: ${file.table}`}<span class="unseen"> of {of.report} {of.period}</span>
          </button>
        ))}
      </span>
      {problem !== undefined && <ProblemBox problem={problem} />}
    </>
  );
}

function save(address: string, name: string): void {
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.download = name;
  anchor.rel = 'noopener';
  anchor.click();
}
