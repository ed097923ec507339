// Messages that were set aside: why, what they say, and a way to send them again.
import { useEffect, useRef, useState } from 'preact/hooks';
import { announce } from '../announce';
import { Problem } from '../api/problem';
import type { DeadLetter } from '../api/types';
import { counted, prettyJson } from '../format';
import { usePaged } from '../more';
import { Confirm } from '../parts/confirm';
import { Card } from '../parts/frame';
import { LoadMore } from '../parts/load-more';
import { Answer, Empty, ProblemBox } from '../parts/states';
import { Ago, CopyCode, When } from '../parts/text';
import { useMay, useServices } from '../services';

type Asked = 'selected' | 'all' | undefined;

export function DeadLetters({ queue, nReplays, nDead, onReplayed }: {
  queue: string;
  /** Grows with each replay, and with it the list is read again. */
  nReplays: number;
  nDead: number | undefined;
  onReplayed: (n: number) => void;
}) {
  const { api } = useServices();
  const mayReplay = useMay('queues:replay');
  const paged = usePaged<DeadLetter, string>(
    `dead ${queue} ${nReplays}`,
    async (after, signal) => {
      const page = await api.deadLetters(queue, after, signal);
      return { items: page.items, next: page.next_after };
    },
    (n) => announce(`${counted(n, 'more dead letter')} loaded`),
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<Asked>();
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<number | Problem | undefined>();
  const reload = paged.first.reload;
  const known = useRef(nDead);
  useEffect(() => {
    // The depth was read again and differs: the list is out of date.
    if (known.current !== undefined && nDead !== known.current) reload();
    known.current = nDead;
  }, [nDead, reload]);

  const items = paged.items ?? [];
  const selected = items.filter((it) => chosen.has(it.id));
  const nAll = Math.max(nDead ?? 0, items.length);
  const replay = async (): Promise<void> => {
    setBusy(true);
    try {
      const { n_replayed } = await api.replay(queue, asked === 'all' ? { all: true } : { ids: selected.map((it) => it.id) });
      setResult(n_replayed);
      setChosen(new Set());
      onReplayed(n_replayed);
    } catch (thrown) {
      setResult(Problem.from(thrown));
    }
    setBusy(false);
    setAsked(undefined);
  };
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const actions = items.length === 0 || !mayReplay ? undefined : (
    <>
      <button type="button" class="button button-small" disabled={selected.length === 0} onClick={() => setAsked('selected')}>
        Replay selected{selected.length > 0 && ` (${selected.length})`}
      </button>
      <button type="button" class="button button-small" onClick={() => setAsked('all')}>Replay all</button>
    </>
  );
  return (
    <Card title="Dead letters" id="dead" flush note={`of ${queue}`} actions={actions}>
      {result instanceof Problem && <ProblemBox problem={result} />}
      {typeof result === 'number' && <p class="result" data-result>{counted(result, 'message')} sent again. If one fails once more, it comes back here with its reason.</p>}
      <Answer of={paged.first} lines={6}>
        {() => items.length === 0
          ? <Empty title="No dead letters" icon="check">Messages that failed too often are set aside here, so that you can look at them and send them again.</Empty>
          : (
            <>
              <ul class="letters-dead">
                {items.map((it) => <Letter key={it.id} it={it} isChosen={chosen.has(it.id)} onToggle={mayReplay ? () => toggle(it.id) : undefined} />)}
              </ul>
              <LoadMore of={paged} one="dead letter" />
            </>
          )}
      </Answer>
      {asked !== undefined && (
        <Confirm
          title={asked === 'all' ? `Replay all ${nAll}?` : `Replay ${counted(selected.length, 'message')}?`} yes="Replay"
          isBusy={isBusy} onYes={() => void replay()} onNo={() => setAsked(undefined)}
        >
          <p>They go back to the queue <b>{queue}</b> with their attempts forgotten. Changes that were already applied are not applied twice.</p>
        </Confirm>
      )}
    </Card>
  );
}

function Letter({ it, isChosen, onToggle }: { it: DeadLetter; isChosen: boolean; onToggle: (() => void) | undefined }) {
  return (
    <li class={isChosen ? 'dead is-chosen' : 'dead'}>
      {onToggle !== undefined && <input type="checkbox" class="dead-check" checked={isChosen} onChange={onToggle} aria-label={`Select message ${it.group ?? it.id}`} />}
      <div class="dead-main">
        <p class="dead-reason">{it.reason}</p>
        <p class="row-note">
          {it.group !== null && <><code>{it.group}</code> · </>}
          {counted(it.n_attempts, 'attempt')} · set aside <Ago at={it.died_at} /> · sent <When at={it.sent_at} style="seconds" />
        </p>
        <details>
          <summary>Message <span class="unseen">{it.id}</span></summary>
          <p class="row-note">ID <CopyCode text={it.id} name="message ID" length={24} /></p>
          {it.body === null
            ? <p class="row-note">Its body is the data of a record: only people who may read cases see it.</p>
            : <pre tabIndex={0} aria-label="Body of the message">{prettyJson(it.body)}</pre>}
        </details>
      </div>
    </li>
  );
}
