// The answers of the analytics API, word for word as it sends them.

/** An instant in RFC 3339, such as `2026-11-22T09:30:00.000Z`. */
export type Instant = string;

export type Entity = 'account' | 'contact' | 'case';
export type WriteKind = 'created' | 'updated' | 'deleted' | 'restored';
export type Channel = 'outbound_message' | 'change_event' | 'pub_sub' | 'poll' | 'webhook' | 'api';
export type Health = 'healthy' | 'degraded' | 'down' | 'unknown';
export type RunOutcome = 'running' | 'succeeded' | 'failed';
export type FieldValue = string | number | boolean | null;

export interface StatusCount {
  status: string | null;
  n_cases: number;
}

export interface DayCount {
  day: string;
  n_opened: number;
  n_closed: number;
}

export interface LagSummary {
  n_samples: number;
  p50_ms: number | null;
  p99_ms: number | null;
}

export interface Overview {
  as_of: Instant;
  n_accounts: number;
  n_contacts: number;
  n_cases: number;
  n_open_cases: number;
  by_status: StatusCount[];
  by_day: DayCount[];
  last_change_at: Instant | null;
  n_changes_last_minute: number;
  sync_lag: LagSummary;
  integrations: Integration[];
  queues: QueueState[];
}

export type Grain = 'day' | 'week' | 'month';
export type ForecastMethod = 'last_value' | 'seasonal_naive' | 'smoothing' | 'seasonal_smoothing';

export interface Metric {
  name: string;
  version: number;
  title: string;
  description: string;
  unit: 'cases' | 'days';
  better: 'higher' | 'lower' | 'neither';
  formula: string;
}

export interface MetricList {
  items: Metric[];
  dimensions: string[];
}

export interface MetricPoint {
  period: string;
  from: string;
  value: number | null;
  previous_change: number | null;
  year_change: number | null;
  is_complete: boolean;
}

export interface MetricGroup {
  group: string | null;
  kind: 'all' | 'value' | 'none' | 'rest';
  points: MetricPoint[];
  change_points: { period: string; before: number; after: number }[];
}

export interface MetricSeries {
  metric: Metric;
  grain: Grain;
  by: string | null;
  as_of: Instant;
  groups: MetricGroup[];
}

export interface MetricForecast {
  metric: Metric;
  grain: Grain;
  as_of: Instant;
  n_periods: number;
  method: ForecastMethod | null;
  level: number | null;
  points: { period: string; from: string; value: number; low: number; high: number }[];
  back_tests: { method: ForecastMethod; n_folds: number; mean_error: number; relative_error: number | null }[];
  reason: string | null;
}

export interface CaseSummary {
  id: string;
  case_number: string | null;
  docket_number: string | null;
  title: string | null;
  court: string | null;
  status: string | null;
  priority: string | null;
  practice_area: string | null;
  is_closed: boolean;
  account_name: string | null;
  contact_name: string | null;
  opened_at: Instant | null;
  closed_at: Instant | null;
  updated_at: Instant;
}

export interface CasePage {
  items: CaseSummary[];
  next_cursor: string | null;
}

export interface RecordSource {
  connection: string;
  object: string;
  record_id: string;
  version: Instant;
}

export interface TimelineEvent {
  id: string;
  occurred_at: Instant;
  event_type: string;
  title: string;
  description: string | null;
  importance: number;
}

export interface CaseDocument {
  id: string;
  exhibit_label: string | null;
  name: string;
  media_type: string | null;
  size_bytes: number | null;
  sha256: string | null;
  created_at: Instant;
}

export interface Communication {
  id: string;
  occurred_at: Instant;
  sender: string | null;
  recipient: string | null;
  medium: string | null;
  subject: string | null;
  content: string | null;
}

export interface CaseDetail extends CaseSummary {
  description: string | null;
  origin: string | null;
  reason: string | null;
  account_id: string | null;
  contact_id: string | null;
  is_deleted: boolean;
  source: RecordSource | null;
  timeline: TimelineEvent[];
  documents: CaseDocument[];
  communications: Communication[];
}

export interface FieldChange {
  field: string;
  before: FieldValue;
  after: FieldValue;
}

export interface AuditRow {
  seq: number;
  at: Instant;
  actor: string;
  kind: WriteKind;
  entity: Entity;
  entity_id: string;
  channel: Channel;
  event_id: string;
  correlation_id: string;
  source_version: Instant;
  received_at: Instant;
  changes: FieldChange[];
  hash: string;
}

export interface AuditPage {
  items: AuditRow[];
  next_before: number | null;
}

export interface SyncRun {
  id: string;
  connection: string;
  object: string;
  started_at: Instant;
  ended_at: Instant | null;
  outcome: RunOutcome;
  n_read: number;
  n_queued: number;
  error: string | null;
}

export interface IntegrationObject {
  object: string;
  cursor_at: Instant | null;
  last_run: SyncRun | null;
}

export interface Integration {
  id: string;
  platform: string | null;
  title: string;
  status: Health;
  detail: string | null;
  checked_at: Instant | null;
  last_success_at: Instant | null;
  calls_left: number | null;
  objects: IntegrationObject[];
}

export interface QueueState {
  name: string;
  n_ready: number;
  n_in_flight: number;
  n_delayed: number;
  n_dead: number;
  oldest_sent_at: Instant | null;
}

export interface DeadLetter {
  id: string;
  /** The data of a record; nothing for whoever may not read cases. */
  body: string | null;
  group: string | null;
  n_attempts: number;
  reason: string;
  sent_at: Instant;
  died_at: Instant;
}

export interface DeadLetterPage {
  items: DeadLetter[];
  next_after: string | null;
}

export interface ChangeRow {
  seq: number;
  at: Instant;
  entity: Entity;
  entity_id: string;
  kind: WriteKind;
  label: string | null;
  fields: string[];
  /** `null` for what reading a whole object brought. */
  lag_ms: number | null;
  correlation_id: string;
}

export interface Items<T> {
  items: T[];
}

export interface FieldProblem {
  field: string;
  message: string;
}

export type Permission =
  | 'cases:read' | 'figures:read' | 'changes:follow' | 'audit:read' | 'integrations:read' | 'queues:read' | 'queues:replay'
  | 'walls:read' | 'walls:write' | 'settings:read' | 'settings:write' | 'costs:read'
  | 'cases:write' | 'conflicts:read' | 'conflicts:resolve' | 'sync:read' | 'sync:operate' | 'pipelines:read' | 'pipelines:run';

/** Who asks, and what they may. */
export interface Me {
  person: string;
  name: string | null;
  roles: string[];
  permissions: Permission[];
  sees_assigned_only: boolean;
}

export type Stance = 'screened' | 'assigned';

export interface Wall {
  case_id: string;
  person: string;
  stance: Stance;
  reason: string;
  set_by: string;
  set_at: Instant;
}

export interface PlatformField {
  name: string;
  kind: string;
  /** Our column, when it is mapped. */
  column: string | null;
  can_read: boolean;
  can_write: boolean;
}

export interface PlatformStream {
  object: string;
  /** Our table, when it is mapped. */
  entity: string | null;
  tells_deletes: boolean;
  fields: PlatformField[];
}

export interface Platform {
  id: string;
  title: string;
  source: string;
  capabilities: string[];
  streams: PlatformStream[];
  /** The ids of its connections, where the server tells. */
  connections?: string[];
}

export interface Breaker {
  platform: string;
  host: string;
  operation: string;
  state: 'closed' | 'half_open' | 'open';
  since: Instant;
  until: Instant | null;
}

export interface Quota {
  platform: string;
  connection: string;
  limit: number;
  used: number;
  left: number;
  /** So many calls are kept for work that a person waits for. */
  reserve: number;
  /** Calls in an hour, at the present pace. */
  per_hour: number;
  /** When the last call goes at this pace; nothing when calls come free faster. */
  exhausted_at: Instant | null;
  reported_at: Instant | null;
}

export interface Resilience {
  breakers: Breaker[];
  quotas: Quota[];
}

export type CostGrouping = 'day' | 'platform' | 'case' | 'connection' | 'run';

/** An amount of money as a decimal number in text, such as `12.0450`. */
export type Amount = string;

export interface CostUnits {
  platform: string;
  operation: string;
  unit: string;
  quantity: number;
  cost: Amount;
}

export interface CostGroup {
  group: string;
  cost: Amount;
  units: CostUnits[];
}

export interface Budget {
  name: string;
  platform: string | null;
  period: string;
  since_day: string;
  limit: Amount;
  spent: Amount;
  percent: number;
}

export interface Costs {
  currency: string;
  price_list: string;
  total: Amount;
  items: CostGroup[];
  budgets: Budget[];
}

export interface Setting {
  path: string;
  value: unknown;
  source: string;
  can_change: boolean;
}

export interface SettingsHistory {
  items: SettingsVersion[];
  next_before: number | null;
}

export interface Settings {
  version: number;
  /** The version that the server began with; later ones take effect when it starts again. */
  running_version: number;
  values: Setting[];
}

export interface SettingChange {
  path: string;
  before: unknown;
  after: unknown;
}

export interface SettingsVersion {
  version: number;
  at: Instant;
  author: string;
  reason: string;
  changes: SettingChange[];
}

/** How a field, or a record as a whole, stands to the platform. */
export type Stand = 'in_step' | 'waiting' | 'sending' | 'refused' | 'conflict';
export type ConflictPolicy = 'newest_wins' | 'remote_wins' | 'local_wins' | 'manual';

export interface Setback {
  code: string;
  words: string;
  fields: string[];
}

export interface OutboxItem {
  id: string;
  connection: string;
  object: string;
  record_id: string | null;
  entity: Entity;
  entity_id: string;
  kind: 'create' | 'update' | 'delete' | 'undelete' | 'merge';
  status: 'waiting' | 'failed';
  n_attempts: number;
  setback: Setback | null;
  changed_at: Instant;
  correlation_id: string;
}

export interface ObjectOutbox {
  connection: string;
  object: string;
  n_waiting: number;
  n_deletes: number;
  n_failed: number;
  oldest: Instant | null;
  may_be_held_back: boolean;
  deletes_are_let_through: boolean;
}

export interface OutboxPage {
  objects: ObjectOutbox[];
  items: OutboxItem[];
  next_after: string | null;
}

export interface RowField {
  field: string;
  remote_field: string;
  value: FieldValue;
  remote_value: FieldValue;
  can_change: boolean;
  policy: ConflictPolicy;
  state: Stand;
  conflict: number | null;
}

export interface RowState {
  entity: Entity;
  id: string;
  connection: string;
  object: string;
  record_id: string | null;
  is_deleted: boolean;
  presence: Stand;
  fields: RowField[];
  outbox: OutboxItem | null;
}

export interface RowChange {
  is_changed: boolean;
  change_seq: number | null;
  row: RowState;
}

export interface Conflict {
  id: number;
  connection: string;
  object: string;
  record_id: string;
  entity: Entity;
  entity_id: string;
  label: string | null;
  field: string;
  local_field: string;
  local_value: FieldValue;
  remote_value: FieldValue;
  remote_version: Instant;
  policy: ConflictPolicy;
  opened_at: Instant;
  resolved_at: Instant | null;
  resolution: 'local' | 'remote' | 'other' | 'converged' | null;
  resolved_by: string | null;
  correlation_id: string;
}

export interface ConflictPage {
  items: Conflict[];
  next_before: number | null;
}

/** A conflict, and how the value here came about. */
export interface Disputed {
  conflict: Conflict;
  changed_here: { by: string; at: Instant; before: FieldValue } | null;
}

/** The conflict that was asked for, then the other open ones of its row. */
export interface ConflictDetail {
  fields: Disputed[];
}

export type Choice = 'local' | 'remote' | { value: FieldValue };

export interface Decided {
  items: { id: number; field: string; resolution: Conflict['resolution']; fault: string | null }[];
  row: RowState | null;
}

export interface BulkDecided {
  n_resolved: number;
  refused: { id: number; field: string; fault: string }[];
  next_before: number | null;
}

export type PipelineRunState = 'queued' | 'running' | 'succeeded' | 'refused' | 'failed' | 'cancelled';
export type RuleAction = 'warn' | 'drop' | 'quarantine' | 'stop';

export interface RunCounts {
  n_read: number;
  n_filtered: number;
  n_rejected: number;
  n_out: number;
}

export interface PipelineRun {
  id: string;
  pipeline: string;
  kind: 'source' | 'replay';
  state: PipelineRunState;
  round: number;
  n_partitions: number | null;
  /** The reason of the gate, or why it failed. */
  message: string | null;
  started_by: string;
  requested_at: Instant;
  started_at: Instant | null;
  finished_at: Instant | null;
}

export interface PipelineRunItem extends PipelineRun {
  counts: RunCounts;
  partition_states: { state: PipelineRunState; n_partitions: number }[];
}

export interface PipelineRunPage {
  items: PipelineRunItem[];
  next_after: string | null;
}

export interface RuleReport {
  rule: string;
  action: RuleAction;
  n_checked: number;
  n_failed: number;
  /** The figure of a rule of all rows, and what it was compared with. */
  found?: string;
}

export interface PartitionRun {
  number: number;
  /** Empty for a source that is one file. */
  name: string;
  state: PipelineRunState;
  n_attempts: number;
  counts: RunCounts;
  message: string | null;
  output: string | null;
  quarantine: string | null;
  started_at: Instant | null;
  finished_at: Instant | null;
}

export interface PipelineRunDetail extends PipelineRunItem {
  rules: RuleReport[];
  partitions: PartitionRun[];
}

export interface PipelineFault {
  file: string;
  line: number;
  path: string;
  text: string;
}

export interface PipelineItem {
  name: string;
  about: string | null;
  is_valid: boolean;
  faults: PipelineFault[];
  last_run: PipelineRun | null;
  schedule: PipelineSchedule | null;
}

export interface PipelineSchedule {
  text: string;
  next_at: Instant;
}

export interface PipelineDefinition {
  source: string;
  source_format: string;
  is_partitioned: boolean;
  steps: { path: string; step: string; does: string }[];
  rules: { rule: string; check: string; columns: string[]; action: RuleAction; threshold_percent: number | null }[];
  threshold_percent: number;
  sink: string;
  quarantine: string | null;
  lineage: { column: string; from: string[]; by: string[] }[];
}

export interface PipelineDetail extends PipelineItem {
  definition: PipelineDefinition | null;
}

export interface RunQuality extends PipelineRun {
  counts: RunCounts;
  passed_percent: number | null;
  rules: RuleReport[];
}

export interface RuleQuality {
  rule: string;
  action: RuleAction;
  n_checked: number;
  n_failed: number;
  n_runs: number;
  n_runs_broken: number;
}

/** How good the rows of a pipeline were: runs with a verdict, the newest first, and their rules. */
export interface PipelineQuality {
  items: RunQuality[];
  rules: RuleQuality[];
  is_cut: boolean;
}

export type ReportKind = 'firm' | 'case' | 'pipeline';
export type ReportFormat = 'html' | 'pdf' | 'csv' | 'parquet';
export type ReportState = 'queued' | 'building' | 'ready' | 'failed';

/** A report that may be asked for; one whose definition is broken has faults and little else. */
export interface ReportDefinition {
  name: string;
  is_valid: boolean;
  faults: PipelineFault[];
  title: string | null;
  about: string | null;
  kind: ReportKind | null;
  /** The last period that is over; null for a case. */
  period: string | null;
  formats: ReportFormat[];
  pipeline: string | null;
  schedule: string | null;
}

export interface ReportFile {
  format: ReportFormat;
  /** The table it holds; null for the whole report. */
  table: string | null;
  n_bytes: number;
}

export interface Report {
  id: string;
  report: string;
  kind: ReportKind;
  subject: string | null;
  period: string;
  state: ReportState;
  message: string | null;
  ordered_by: string;
  files: ReportFile[];
  requested_at: Instant;
  finished_at: Instant | null;
}

export interface ReportPage {
  items: Report[];
  next_after: string | null;
}

export interface ReportOrder {
  report: string;
  subject?: string;
  period?: string;
}

/** Where a file is: at a store, where the address is enough, or at the API, which asks for a token. */
export interface ReportFileLink {
  link: { method: string; url: string; headers: Record<string, string> };
  name: string;
}

export interface Comparison {
  id: string;
  connection: string;
  object: string;
  started_at: Instant;
  ended_at: Instant | null;
  outcome: 'running' | 'equal' | 'repaired' | 'differs' | 'failed';
  n_here: number;
  n_there: number;
  n_differ: number;
  n_repaired: number;
  samples: { record_id: string; kind: 'missing_here' | 'missing_there' | 'fields' | 'row'; fields: string[] }[];
  error: string | null;
  accuracy: number;
}
