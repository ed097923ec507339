// Names of the domain as people write them.
import type {
  CaseSummary, Channel, Comparison, ConflictPolicy, Entity, FieldValue, Health, OutboxItem, PipelineRunState, ReportKind, ReportState, RuleAction, RunOutcome, Stand, WriteKind,
} from './api/types';
import type { LiveState } from './live/feed';
import { instant } from './format';

/** How a state is coloured; the word beside it says the same. */
export type Tone = 'good' | 'info' | 'warn' | 'bad' | 'neutral';

export const ENTITY: Record<Entity, string> = { account: 'Account', contact: 'Contact', case: 'Case' };

export const KIND: Record<WriteKind, [string, Tone]> = {
  created: ['Created', 'good'],
  updated: ['Updated', 'info'],
  deleted: ['Deleted', 'bad'],
  restored: ['Restored', 'warn'],
};

export const CHANNEL: Record<Channel, string> = {
  outbound_message: 'Outbound message',
  change_event: 'Change event',
  pub_sub: 'Change event (Pub/Sub)',
  poll: 'Delta poll',
  webhook: 'Webhook',
  api: 'Request of a person',
};

export const HEALTH: Record<Health, [string, Tone]> = {
  healthy: ['Healthy', 'good'],
  degraded: ['Degraded', 'warn'],
  down: ['Down', 'bad'],
  unknown: ['Unknown', 'neutral'],
};

export const OUTCOME: Record<RunOutcome, [string, Tone]> = {
  running: ['Running', 'info'],
  succeeded: ['Succeeded', 'good'],
  failed: ['Failed', 'bad'],
};

/** How a field stands to the platform. */
export const STAND: Record<Stand, [string, Tone]> = {
  in_step: ['In step', 'good'],
  waiting: ['Waiting to be sent', 'info'],
  sending: ['Being sent', 'info'],
  refused: ['Refused', 'bad'],
  conflict: ['Conflict', 'warn'],
};

export const POLICY: Record<ConflictPolicy, string> = {
  newest_wins: 'the later change wins',
  remote_wins: 'the platform wins',
  local_wins: 'MoodBridge wins',
  manual: 'a person decides',
};

export const TO_DO: Record<OutboxItem['kind'], string> = {
  create: 'To be made', update: 'To be changed', delete: 'To be deleted', undelete: 'To come back', merge: 'To be merged',
};

export const COMPARED: Record<Comparison['outcome'], [string, Tone]> = {
  running: ['Running', 'info'],
  equal: ['Equal', 'good'],
  repaired: ['Repaired', 'warn'],
  differs: ['Differs', 'bad'],
  failed: ['Failed', 'bad'],
};

/** How a run of a pipeline, or one of its partitions, stands. */
export const RUN_STATE: Record<PipelineRunState, [string, Tone]> = {
  queued: ['Queued', 'neutral'],
  running: ['Running', 'info'],
  succeeded: ['Succeeded', 'good'],
  refused: ['Gate shut', 'warn'],
  failed: ['Failed', 'bad'],
  cancelled: ['Cancelled', 'neutral'],
};

/** How a report stands. */
export const REPORT_STATE: Record<ReportState, [string, Tone]> = {
  queued: ['Queued', 'neutral'],
  building: ['Being made', 'info'],
  ready: ['Ready', 'good'],
  failed: ['Failed', 'bad'],
};

export const REPORT_OF: Record<ReportKind, string> = { firm: 'the firm', case: 'a case', pipeline: 'a pipeline' };

/** What happens to rows that break a rule. */
export const RULE_ACTION: Record<RuleAction, string> = {
  warn: 'only warns', drop: 'drops the row', quarantine: 'sets the row aside', stop: 'stops the run',
};

export const LIVE: Record<LiveState, [string, Tone]> = {
  connecting: ['Connecting', 'neutral'],
  live: ['Live', 'good'],
  reconnecting: ['Reconnecting', 'warn'],
  offline: ['Offline', 'bad'],
};

/** The statuses and priorities of the default mapping; others are shown as they come. */
export const STATUSES = ['New', 'Intake', 'Active', 'Discovery', 'Mediation', 'Trial', 'On Hold', 'Settled', 'Closed'];
export const PRIORITIES = ['High', 'Medium', 'Low'];

export const SORTS: readonly [string, string][] = [
  ['updated_desc', 'Last changed'],
  ['opened_desc', 'Newest opened'],
  ['opened_asc', 'Oldest opened'],
  ['docket_asc', 'Docket number'],
  ['title_asc', 'Title'],
];

/** Colours a case's status. */
export function toneOfStatus(status: string | null, isClosed: boolean): Tone {
  if (isClosed) return 'neutral';
  if (status === 'On Hold') return 'warn';
  if (status === 'New' || status === 'Intake') return 'info';
  return 'good';
}

/** Writes a field's or an event's name: `docket_number` becomes `Docket number`. */
export function fieldName(name: string): string {
  // A person's wall stands in the audit log as `wall:anna`; the person's name is left as it is.
  if (name.startsWith('wall:')) return `Wall of ${name.slice(5)}`;
  const words = name.replace(/_/g, ' ').replace(/\bid\b/g, 'ID').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Writes a field's value. */
export function fieldValue(field: string, value: FieldValue): string {
  if (value === null) return 'empty';
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (typeof value === 'string' && field.endsWith('_at') && /^\d{4}-\d\d-\d\dT/.test(value)) return instant(value);
  return String(value);
}

/** Names a case by the best it has. */
export function caseName(it: Pick<CaseSummary, 'title' | 'docket_number' | 'case_number'>): string {
  return it.title ?? it.docket_number ?? (it.case_number === null ? 'Untitled case' : `Case ${it.case_number}`);
}

/** Says who `salesforce:main` or `person:anna` is. */
export function actorName(actor: string): string {
  const [kind = '', ...rest] = actor.split(':');
  const name = rest.join(':');
  if (actor === 'schedule') return 'the clock';
  if (name === '') return actor;
  return kind === 'person' ? name : `${fieldName(kind)} (${name})`;
}

/** Importance 1 to 5 in a word. */
export function importanceName(importance: number): string {
  return ['Note', 'Note', 'Routine', 'Notable', 'Important', 'Critical'][Math.min(5, Math.max(0, Math.round(importance)))] ?? 'Note';
}
