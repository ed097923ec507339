// Asks the analytics API, one method for each of its answers.
import { Problem } from './problem';
import type {
  AuditPage, CaseDetail, CasePage, DeadLetterPage, Integration, Items, Overview, QueueState, SyncRun,
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

type QueryValue = string | number | null | undefined;
type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export class ApiClient {
  readonly #base: string;
  readonly #fetch: Fetch;

  /** `base` is the origin of the API, empty for the page's own. */
  constructor(base: string, fetcher: Fetch = (input, init) => fetch(input, init)) {
    this.#base = base.replace(/\/+$/, '');
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
    const path = `/v1/queues/${encodeURIComponent(queue)}/dead-letters/replay`;
    return this.#ask(this.address(path), {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(selection),
    });
  }

  #get<T>(path: string, query: object, signal?: AbortSignal): Promise<T> {
    const init: RequestInit = { headers: { accept: 'application/json' } };
    if (signal !== undefined) init.signal = signal;
    return this.#ask(this.address(path, query), init);
  }

  async #ask<T>(address: string, init: RequestInit): Promise<T> {
    const late = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const signal = init.signal ? AbortSignal.any([init.signal, late]) : late;
    try {
      const response = await this.#fetch(address, { ...init, signal });
      if (!response.ok) throw await Problem.read(response);
      return await readJson<T>(response);
    } catch (thrown) {
      if (thrown instanceof Problem || init.signal?.aborted === true) throw thrown;
      if (late.aborted) {
        throw new Problem(0, 'No answer in time', `The API did not answer within ${ANSWER_WITHIN_MS / 1000} seconds.`);
      }
      throw new Problem(0, 'The API cannot be reached', 'Check the network, and that MoodBridge is running.');
    }
  }
}

async function readJson<T>(response: Response): Promise<T> {
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
