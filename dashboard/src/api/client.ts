// Asks the analytics API, one method for each of its answers.
import { Problem } from './problem';
import type { Session } from '../auth/session';
import type {
  AuditPage, BulkDecided, CaseDetail, CasePage, Choice, Comparison, ConflictDetail, ConflictPage, CostGrouping, Costs, DeadLetterPage, Decided,
  FieldValue, Grain, Integration, Items, Me, MetricForecast, MetricList, MetricSeries, OutboxPage, Overview, PipelineDetail, PipelineItem,
  PipelineQuality, PipelineRun, PipelineRunDetail, PipelineRunPage, Platform, Report, ReportDefinition, ReportFile, ReportFileLink, ReportOrder, ReportPage, QueueState, Resilience, RowChange, RowState, Settings, SettingsHistory, Stance, SyncRun, Wall,
} from './types';

/** How long one answer may take. */
const ANSWER_WITHIN_MS = 20_000;

/** Which cases to list; empty fields do not narrow. */
export interface CaseQuery {
  search?: string | undefined;
  status?: string | undefined;
  court?: string | undefined;
  priority?: string | undefined;
  account_id?: string | undefined;
  state?: string | undefined;
  opened_from?: string | undefined;
  opened_until?: string | undefined;
  sort?: string | undefined;
  cursor?: string | undefined;
  limit?: number | undefined;
}

/** A row, and the tag of the state that it was read in. */
export interface Tagged<T> {
  value: T;
  tag: string | null;
}

type QueryValue = string | number | null | undefined;
type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export class ApiClient {
  readonly #base: string;
  readonly #session: Pick<Session, 'token' | 'replace'>;
  readonly #fetch: Fetch;

  /** `base` is the origin of the API, empty for the page's own; every request carries a token of `session`. */
  constructor(base: string, session: Pick<Session, 'token' | 'replace'>, fetcher: Fetch = (input, init) => fetch(input, init)) {
    this.#base = base.replace(/\/+$/, '');
    this.#session = session;
    this.#fetch = fetcher;
  }

  /** Returns the full address of `path`. */
  address(path: string, query: object = {}): string {
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(query) as [string, QueryValue][]) {
      if (value !== undefined && value !== null && value !== '') params.set(name, String(value));
    }
    const text = params.toString();
    return `${this.#base}${path}${text === '' ? '' : `?${text}`}`;
  }

  me(): Promise<Me> {
    return this.#get('/v1/me', {});
  }

  overview(days: number, signal?: AbortSignal): Promise<Overview> {
    return this.#get('/v1/overview', { days }, signal);
  }

  cases(query: CaseQuery, signal?: AbortSignal): Promise<CasePage> {
    return this.#get('/v1/cases', query, signal);
  }

  case(id: string, signal?: AbortSignal): Promise<CaseDetail> {
    return this.#get(`/v1/cases/${encodeURIComponent(id)}`, {}, signal);
  }

  caseAudit(id: string, before?: number, signal?: AbortSignal): Promise<AuditPage> {
    return this.#get(`/v1/cases/${encodeURIComponent(id)}/audit`, { before, limit: 20 }, signal);
  }

  audit(limit: number, signal?: AbortSignal): Promise<AuditPage> {
    return this.#get('/v1/audit', { limit }, signal);
  }

  integrations(signal?: AbortSignal): Promise<Items<Integration>> {
    return this.#get('/v1/integrations', {}, signal);
  }

  syncRuns(limit: number, signal?: AbortSignal): Promise<Items<SyncRun>> {
    return this.#get('/v1/sync-runs', { limit }, signal);
  }

  queues(signal?: AbortSignal): Promise<Items<QueueState>> {
    return this.#get('/v1/queues', {}, signal);
  }

  deadLetters(queue: string, after?: string, signal?: AbortSignal): Promise<DeadLetterPage> {
    return this.#get(`/v1/queues/${encodeURIComponent(queue)}/dead-letters`, { after, limit: 25 }, signal);
  }

  replay(queue: string, selection: { ids: string[] } | { all: true }): Promise<{ n_replayed: number }> {
    return this.#send('POST', `/v1/queues/${encodeURIComponent(queue)}/dead-letters/replay`, selection);
  }

  walls(caseId: string, signal?: AbortSignal): Promise<Items<Wall>> {
    return this.#get(`/v1/cases/${encodeURIComponent(caseId)}/walls`, {}, signal);
  }

  setWall(caseId: string, person: string, wall: { stance: Stance; reason: string }): Promise<Wall> {
    return this.#send('PUT', wallPath(caseId, person), wall);
  }

  liftWall(caseId: string, person: string): Promise<void> {
    return this.#send('DELETE', wallPath(caseId, person));
  }

  platforms(signal?: AbortSignal): Promise<Items<Platform>> {
    return this.#get('/v1/platforms', {}, signal);
  }

  resilience(signal?: AbortSignal): Promise<Resilience> {
    return this.#get('/v1/resilience', {}, signal);
  }

  costs(query: { by: CostGrouping; from: string; until: string }, signal?: AbortSignal): Promise<Costs> {
    return this.#get('/v1/costs', query, signal);
  }

  metrics(signal?: AbortSignal): Promise<MetricList> {
    return this.#get('/v1/metrics', {}, signal);
  }

  metric(name: string, query: { grain: Grain; periods: number; by?: string }, signal?: AbortSignal): Promise<MetricSeries> {
    return this.#get(`/v1/metrics/${encodeURIComponent(name)}`, query, signal);
  }

  forecast(name: string, query: { grain: Grain }, signal?: AbortSignal): Promise<MetricForecast> {
    return this.#get(`/v1/metrics/${encodeURIComponent(name)}/forecast`, query, signal);
  }

  settings(signal?: AbortSignal): Promise<Settings> {
    return this.#get('/v1/settings', {}, signal);
  }

  settingsHistory(before?: number, signal?: AbortSignal): Promise<SettingsHistory> {
    return this.#get('/v1/settings/history', { before, limit: 20 }, signal);
  }

  changeSettings(change: { expected_version: number; reason: string; set: Record<string, unknown> }): Promise<unknown> {
    return this.#send('POST', '/v1/settings/changes', change);
  }

  undoSettings(version: number): Promise<unknown> {
    return this.#send('POST', '/v1/settings/undo', { version });
  }

  /** Tells how a case stands to its record, field by field. */
  caseState(id: string, signal?: AbortSignal): Promise<Tagged<RowState>> {
    return this.#get(`/v1/cases/${encodeURIComponent(id)}/sync`, {}, signal, readTagged<RowState>);
  }

  /** Changes fields of a case, when nobody has since the state with this `tag`. */
  changeCase(id: string, fields: Record<string, FieldValue>, tag: string | null): Promise<RowChange> {
    return this.#send('PATCH', `/v1/cases/${encodeURIComponent(id)}`, fields, tag === null ? {} : { 'if-match': tag });
  }

  conflicts(query: { state?: string; object?: string; before?: number | undefined }, signal?: AbortSignal): Promise<ConflictPage> {
    return this.#get('/v1/conflicts', { ...query, limit: 25 }, signal);
  }

  conflict(id: number, signal?: AbortSignal): Promise<ConflictDetail> {
    return this.#get(`/v1/conflicts/${id}`, {}, signal);
  }

  resolve(id: number, choices: Record<string, Choice>): Promise<Decided> {
    return this.#send('POST', `/v1/conflicts/${id}/resolve`, choices);
  }

  resolveAll(order: { choice: 'local' | 'remote'; object?: string; all?: true; before?: number }): Promise<BulkDecided> {
    return this.#send('POST', '/v1/conflicts/resolve', order);
  }

  outbox(status: 'waiting' | 'failed', after?: string, signal?: AbortSignal): Promise<OutboxPage> {
    return this.#get('/v1/outbox', { status, after, limit: 25 }, signal);
  }

  resend(id: string): Promise<{ n_resent: number }> {
    return this.#send('POST', `/v1/outbox/${encodeURIComponent(id)}/resend`, {});
  }

  allowDeletes(connection: string, object: string): Promise<{ until: string }> {
    return this.#send('POST', '/v1/outbox/allow-deletes', { connection, object });
  }

  comparisons(signal?: AbortSignal): Promise<Items<Comparison>> {
    return this.#get('/v1/reconciliations', { limit: 100 }, signal);
  }

  pipelines(signal?: AbortSignal): Promise<Items<PipelineItem>> {
    return this.#get('/v1/pipelines', {}, signal);
  }

  pipeline(name: string, signal?: AbortSignal): Promise<PipelineDetail> {
    return this.#get(`/v1/pipelines/${encodeURIComponent(name)}`, {}, signal);
  }

  quality(name: string, signal?: AbortSignal): Promise<PipelineQuality> {
    return this.#get(`/v1/pipelines/${encodeURIComponent(name)}/quality`, { runs: 30 }, signal);
  }

  pipelineRuns(query: { pipeline?: string | undefined; after?: string | undefined; limit?: number }, signal?: AbortSignal): Promise<PipelineRunPage> {
    return this.#get('/v1/pipelines/runs', { limit: 20, ...query }, signal);
  }

  pipelineRun(id: string, signal?: AbortSignal): Promise<PipelineRunDetail> {
    return this.#get(`/v1/pipelines/runs/${encodeURIComponent(id)}`, {}, signal);
  }

  /** Starts a run; asking again under the same `key` starts no second one. */
  startPipeline(name: string, key: string): Promise<PipelineRun> {
    return this.#send('POST', `/v1/pipelines/${encodeURIComponent(name)}/runs`, {}, { 'idempotency-key': key });
  }

  retryRun(id: string): Promise<PipelineRun> {
    return this.#send('POST', `/v1/pipelines/runs/${encodeURIComponent(id)}/retry`, {});
  }

  cancelRun(id: string): Promise<PipelineRun> {
    return this.#send('POST', `/v1/pipelines/runs/${encodeURIComponent(id)}/cancel`, {});
  }

  reportDefinitions(signal?: AbortSignal): Promise<Items<ReportDefinition>> {
    return this.#get('/v1/reports/definitions', {}, signal);
  }

  reports(after?: string, signal?: AbortSignal): Promise<ReportPage> {
    return this.#get('/v1/reports', { after, limit: 20 }, signal);
  }

  /** Asks for a report; asking again under the same `key` makes no second one. */
  orderReport(order: ReportOrder, key: string): Promise<Report> {
    return this.#send('POST', '/v1/reports', order, { 'idempotency-key': key });
  }

  report(id: string, signal?: AbortSignal): Promise<Report> {
    return this.#get(`/v1/reports/${encodeURIComponent(id)}`, {}, signal);
  }

  reportLink(id: string, file: ReportFile): Promise<ReportFileLink> {
    return this.#get(`/v1/reports/${encodeURIComponent(id)}/link`, { format: file.format, table: file.table });
  }

  /** Reads a file that the API itself serves, which asks for a token. */
  bytes(path: string): Promise<Blob> {
    return this.#ask(this.address(path), {}, (response) => response.blob());
  }

  #get<T>(path: string, query: object, signal?: AbortSignal, read?: (response: Response) => Promise<T>): Promise<T> {
    const init: RequestInit = { headers: { accept: 'application/json' } };
    if (signal !== undefined) init.signal = signal;
    return this.#ask(this.address(path, query), init, read);
  }

  #send<T>(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json', ...more };
    if (body !== undefined) headers['content-type'] = 'application/json';
    return this.#ask(this.address(path), { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  }

  async #ask<T>(address: string, init: RequestInit, read: (response: Response) => Promise<T> = readJson<T>): Promise<T> {
    const late = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const signal = init.signal ? AbortSignal.any([init.signal, late]) : late;
    try {
      const response = await this.#fetchSignedIn(address, { ...init, signal });
      if (!response.ok) throw await Problem.read(response);
      return await read(response);
    } catch (thrown) {
      if (thrown instanceof Problem || init.signal?.aborted === true) throw thrown;
      if (late.aborted) {
        throw new Problem(0, 'No answer in time', `The API did not answer within ${ANSWER_WITHIN_MS / 1000} seconds.`);
      }
      throw new Problem(0, 'The API cannot be reached', 'Check the network, and that MoodBridge is running.');
    }
  }

  /** A token may end, or lose its key, at any time: a refused one is replaced once. */
  async #fetchSignedIn(address: string, init: RequestInit): Promise<Response> {
    const token = await this.#session.token();
    const response = await this.#fetch(address, withToken(init, token));
    if (response.status !== 401) return response;
    const other = await this.#session.replace(token);
    return other === undefined ? response : this.#fetch(address, withToken(init, other));
  }
}

function withToken(init: RequestInit, token: string): RequestInit {
  return { ...init, headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` } };
}

function wallPath(caseId: string, person: string): string {
  return `/v1/cases/${encodeURIComponent(caseId)}/walls/${encodeURIComponent(person)}`;
}

async function readJson<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new Problem(
      response.status, 'The answer is not JSON',
      'Is `apiBase` in config.json the address of the MoodBridge API?',
    );
  }
}

async function readTagged<T>(response: Response): Promise<Tagged<T>> {
  return { value: await readJson<T>(response), tag: response.headers.get('etag') };
}
