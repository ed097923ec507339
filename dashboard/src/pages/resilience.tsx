// Which calls are held back: circuit breakers that are open, and quotas that run low.
import type { Breaker, Quota } from '../api/types';
import { count } from '../format';
import { useLoad } from '../load';
import { Meter } from '../parts/meter';
import { Card } from '../parts/frame';
import { Answer, Empty } from '../parts/states';
import { OrNothing, Pill, When } from '../parts/text';
import { useServices } from '../services';
import { fieldName, type Tone } from '../words';

const BREAKER: Record<Breaker['state'], [string, Tone]> = {
  closed: ['Calls go through', 'good'],
  half_open: ['Trying again', 'warn'],
  open: ['Calls are held back', 'bad'],
};

export function Resilience({ everyMs }: { everyMs: number }) {
  const { api } = useServices();
  const loaded = useLoad('resilience', (signal) => api.resilience(signal), everyMs);
  return (
    <>
      <Card title="Quotas" id="quotas" note="calls that all workers share">
        <Answer of={loaded} lines={2} part="quotas">
          {({ quotas }) => quotas.length === 0
            ? <Empty title="No quota is known">A platform tells its limit with its answers, or the settings name one.</Empty>
            : <ul class="meters">{quotas.map((it) => <QuotaLine key={`${it.platform} ${it.connection}`} it={it} />)}</ul>}
        </Answer>
      </Card>
      <Card title="Circuit breakers" id="breakers" flush note="for each platform and operation">
        <Answer of={loaded} lines={3} part="circuit breakers">
          {({ breakers }) => breakers.length === 0
            ? <Empty title="No breaker has tripped" icon="check">When a platform keeps failing, its calls are held back for a while, and it says so here.</Empty>
            : <Breakers items={breakers} />}
        </Answer>
      </Card>
    </>
  );
}

function QuotaLine({ it }: { it: Quota }) {
  const used = it.limit === 0 ? 100 : (it.used / it.limit) * 100;
  return (
    <Meter
      name={`${fieldName(it.platform)} · ${it.connection}`} percent={used}
      value={`${count(it.left)} of ${count(it.limit)} left`}
      note={(
        <>
          {count(it.per_hour)} an hour at the present pace{it.exhausted_at !== null && <>, the last one at <When at={it.exhausted_at} /></>};
          {' '}{count(it.reserve)} are kept for people who wait
        </>
      )}
    />
  );
}

function Breakers({ items }: { items: readonly Breaker[] }) {
  return (
    <table class="table table-cards table-dense">
      <caption class="unseen">Circuit breakers</caption>
      <thead>
        <tr><th scope="col">Platform</th><th scope="col">Operation</th><th scope="col">Host</th><th scope="col">State</th><th scope="col">Since</th><th scope="col">Until</th></tr>
      </thead>
      <tbody>
        {items.map((it) => {
          const [word, tone] = BREAKER[it.state];
          return (
            <tr key={`${it.platform} ${it.host} ${it.operation}`}>
              <th scope="row" class="cell-title">{fieldName(it.platform)}</th>
              <td data-label="Operation"><OrNothing>{it.operation}</OrNothing></td>
              <td data-label="Host"><OrNothing>{it.host}</OrNothing></td>
              <td data-label="State"><Pill tone={tone}>{word}</Pill></td>
              <td data-label="Since"><When at={it.since} style="seconds" /></td>
              <td data-label="Until"><When at={it.until} style="seconds" /></td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
