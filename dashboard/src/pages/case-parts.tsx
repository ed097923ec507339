// The lists on a case's page: timeline, exhibits, communications.
import type { CaseDocument, Communication, TimelineEvent } from '../api/types';
import { bytes, counted } from '../format';
import { Card } from '../parts/frame';
import { Icon } from '../parts/icons';
import { Empty } from '../parts/states';
import { CopyCode, OrNothing, Pill, When } from '../parts/text';
import { fieldName, importanceName, type Tone } from '../words';

const IMPORTANCE_TONES: readonly Tone[] = ['neutral', 'neutral', 'neutral', 'info', 'warn', 'bad'];

export function Timeline({ items }: { items: readonly TimelineEvent[] }) {
  return (
    <Card title="Timeline" id="timeline" note={items.length === 0 ? undefined : counted(items.length, 'event')}>
      {items.length === 0 ? <Empty title="Nothing has happened yet">Status changes and filings appear here.</Empty> : (
        <ol class="timeline">
          {items.map((it) => {
            const tone = IMPORTANCE_TONES[it.importance] ?? 'neutral';
            return (
              <li key={it.id} class={`event tone-${tone}`}>
                <div class="event-head">
                  <span class="event-title">{it.title}</span>
                  {it.importance >= 3 && <Pill tone={tone}>{importanceName(it.importance)}</Pill>}
                </div>
                <p class="event-note">{fieldName(it.event_type)} · <When at={it.occurred_at} /></p>
                {it.description !== null && <p class="event-text">{it.description}</p>}
              </li>
            );
          })}
        </ol>
      )}
    </Card>
  );
}

export function Exhibits({ items }: { items: readonly CaseDocument[] }) {
  return (
    <Card title="Exhibits" id="exhibits" note={items.length === 0 ? undefined : counted(items.length, 'document')}>
      {items.length === 0 ? <Empty title="No exhibits" icon="file">Documents that are filed to this case appear here with their SHA-256.</Empty> : (
        <ul class="exhibits">
          {items.map((it) => (
            <li key={it.id} class="exhibit">
              <span class="exhibit-label">{it.exhibit_label ?? <Icon name="file" size={16} />}</span>
              <span class="exhibit-main">
                <span class="exhibit-name">{it.name}</span>
                <span class="row-note">{[it.media_type, bytes(it.size_bytes)].filter(Boolean).join(' · ')} · filed <When at={it.created_at} style="date" /></span>
                {it.sha256 === null
                  ? <span class="row-note">no SHA-256 recorded</span>
                  : <span class="row-note">SHA-256 <CopyCode text={it.sha256} name="SHA-256" length={16} /></span>}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

export function Communications({ items }: { items: readonly Communication[] }) {
  return (
    <Card title="Communications" id="communications" note={items.length === 0 ? undefined : counted(items.length, 'entry', 'entries')}>
      {items.length === 0 ? <Empty title="No letters, mails or calls">They appear here once they are logged to this case.</Empty> : (
        <ul class="letters">
          {items.map((it) => (
            <li key={it.id} class="letter">
              <p class="letter-title"><OrNothing>{it.subject}</OrNothing></p>
              <p class="row-note">
                {[it.medium === null ? null : fieldName(it.medium), `${it.sender ?? 'unknown'} to ${it.recipient ?? 'unknown'}`].filter(Boolean).join(' · ')}
                {' · '}<When at={it.occurred_at} />
              </p>
              {it.content !== null && <details><summary>Read</summary><p class="letter-text">{it.content}</p></details>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
