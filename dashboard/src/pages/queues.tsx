// The queues, how full they are, and the messages that were set aside.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import type { QueueState } from '../api/types';
import { count, counted } from '../format';
import { useLoad } from '../load';
import { Card, Fact, Facts, PageHead } from '../parts/frame';
import { Answer, Empty } from '../parts/states';
import { Ago, Pill } from '../parts/text';
import { hrefOf } from '../router';
import { useServices } from '../services';
import { DeadLetters } from './dead-letters';

const REFRESH_EVERY_MS = 5_000;


export function QueuesPage({ queue }: { queue: string | undefined }) {
  const { api } = useServices();
  const queues = useLoad('queues', (signal) => api.queues(signal), REFRESH_EVERY_MS);
  const [nReplays, setReplays] = useState(0);
  const items = queues.data?.items ?? [];
  const chosen = queue ?? (items.find((it) => it.n_dead > 0) ?? items[0])?.name;
  const done = (n: number): void => {
    announce(`${counted(n, 'message')} sent again`);
    setReplays((it) => it + 1);
    queues.reload();
  };
  return (
    <>
      <PageHead title="Queues" lead="What waits to be worked on, and what was set aside." />
      <div class="stack">
        <Answer of={queues} lines={5}>
          {() => items.length === 0
            ? <div class="card"><Empty title="No queue is in use">Queues appear here once MoodBridge runs with one.</Empty></div>
            : <div class="queue-grid">{items.map((it) => <Queue key={it.name} it={it} isChosen={it.name === chosen} nAll={items.length} />)}</div>}
        </Answer>
        {chosen !== undefined && <DeadLetters key={chosen} queue={chosen} nReplays={nReplays} nDead={items.find((it) => it.name === chosen)?.n_dead} onReplayed={done} />}
      </div>
    </>
  );
}

function Queue({ it, isChosen, nAll }: { it: QueueState; isChosen: boolean; nAll: number }) {
  const dead = it.n_dead === 0 ? <Pill tone="good">None dead</Pill> : <Pill tone="bad">{`${count(it.n_dead)} dead`}</Pill>;
  return (
    <Card title={it.name} id={`queue-${it.name}`} actions={dead}>
      <Facts>
        <Fact name="Ready">{count(it.n_ready)}</Fact>
        <Fact name="In work">{count(it.n_in_flight)}</Fact>
        <Fact name="Delayed">{count(it.n_delayed)}</Fact>
        <Fact name="Oldest"><Ago at={it.oldest_sent_at} missing="empty" /></Fact>
      </Facts>
      {nAll > 1 && (isChosen
        ? <p class="row-note">Its dead letters are shown below.</p>
        : <a class="more" href={hrefOf({ page: 'queues', queue: it.name })}>Show dead letters<span class="unseen"> of {it.name}</span></a>)}
    </Card>
  );
}
