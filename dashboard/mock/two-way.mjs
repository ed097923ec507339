// What the mock knows of rows that travel both ways: states of fields, conflicts, the outbox, comparisons.
import { detailOf, instant, recordId, SYSTEM, uuid } from './data.mjs';

const REMOTE = {
  docket_number: 'Docket_Number__c', title: 'Subject', court: 'Court__c', status: 'Status', priority: 'Priority', practice_area: 'Practice_Area__c',
  origin: 'Origin', reason: 'Reason', description: 'Description', case_number: 'CaseNumber',
};
const MAX_CHARS = { docket_number: 40, court: 120, title: 255 };

export class TwoWay {
  #cases;
  #edits = new Map();
  #conflicts;
  #failed;
  #allowed = new Set();

  constructor(cases, now = Date.now()) {
    this.#cases = cases;
    const disputed = cases.slice(3, 8);
    this.#conflicts = disputed.flatMap((it, at) => [
      conflictOf(it, at * 2 + 1, 'status', it.status === 'Trial' ? 'Mediation' : 'Trial', now - at * 7_200_000),
      ...(at % 2 === 0 ? [conflictOf(it, at * 2 + 2, 'court', 'Circuit Court of Cook County', now - at * 7_200_000)] : []),
    ]);
    this.#failed = cases.slice(10, 13).map((it, at) => ({
      ...itemOf(it, now - at * 900_000), status: 'failed', n_attempts: at + 1,
      setback: [
        { code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', words: 'A validation rule of the org refused the record: “A docket number is needed once a case is in trial.” Fill it in, or change the rule.', fields: ['Docket_Number__c'] },
        { code: 'INSUFFICIENT_ACCESS_OR_READONLY', words: 'The user of the connection may not change this record: give it access to the object and the record, then send again.', fields: [] },
        { code: 'STRING_TOO_LONG', words: 'A text is longer than its field takes: shorten it.', fields: ['Court__c'] },
      ][at],
    }));
  }

  /** Answers `/v1/cases/{id}/sync`. */
  state(it) {
    const edits = this.#edits.get(it.id) ?? {};
    const detail = { ...detailOf(it), ...edits };
    const failed = this.#failed.find((one) => one.entity_id === it.id);
    const fields = Object.entries(REMOTE).map(([field, remote_field]) => {
      const conflict = this.#conflicts.find((one) => one.entity_id === it.id && one.local_field === field && one.resolved_at === null);
      const state = conflict !== undefined ? 'conflict' : field in edits ? 'waiting' : failed?.setback.fields.includes(remote_field) ? 'refused' : 'in_step';
      return {
        field, remote_field, value: detail[field], remote_value: conflict?.remote_value ?? detailOf(it)[field], can_change: field !== 'case_number',
        policy: 'newest_wins', state, conflict: conflict?.id ?? null,
      };
    });
    const waiting = Object.keys(edits).length > 0 ? itemOf(it, Date.now()) : null;
    return {
      entity: 'case', id: it.id, ...SYSTEM, record_id: recordId(Number(it.case_number) - 1_000), is_deleted: false, presence: 'in_step', fields, outbox: failed ?? waiting,
    };
  }

  tag(it) {
    return `"${JSON.stringify(this.#edits.get(it.id) ?? {}).length}"`;
  }

  /** Changes a case; returns the faults of fields, or what became of it. */
  change(it, fields) {
    const faults = Object.entries(fields).flatMap(([field, value]) => {
      if (!(field in REMOTE)) return [{ field, message: `\`${field}\` is no field of \`case\`` }];
      const max = MAX_CHARS[field];
      return max !== undefined && String(value ?? '').length > max ? [{ field, message: `\`${field}\` takes at most ${max} characters, and this is ${value.length}` }] : [];
    });
    if (faults.length > 0) return { faults };
    this.#edits.set(it.id, { ...this.#edits.get(it.id), ...fields });
    Object.assign(it, fields, { updated_at: instant(Date.now()) });
    return { is_changed: true, change_seq: 1, row: this.state(it) };
  }

  conflicts(query) {
    const isOpen = (query.state ?? 'open') === 'open';
    const items = this.#conflicts.filter((it) => (it.resolved_at === null) === isOpen && (query.object ?? it.object) === it.object);
    return { items, next_before: null };
  }

  conflict(id) {
    const found = this.#conflicts.find((it) => it.id === Number(id));
    if (found === undefined) return undefined;
    const others = this.#conflicts.filter((it) => it.entity_id === found.entity_id && it.resolved_at === null && it !== found);
    const changed_here = { by: 'person:anna', at: instant(Date.parse(found.opened_at) - 600_000), before: found.local_field === 'status' ? 'Intake' : null };
    return { fields: [found, ...others].map((conflict) => ({ conflict, changed_here })) };
  }

  resolve(id, choices, person) {
    const { fields } = this.conflict(id);
    const items = Object.entries(choices).map(([field, choice]) => {
      const { conflict } = fields.find((it) => it.conflict.local_field === field);
      this.#end(conflict, typeof choice === 'string' ? choice : 'other', person);
      return { id: conflict.id, field, resolution: conflict.resolution, fault: null };
    });
    return { items, row: null };
  }

  resolveAll({ choice, object }, person) {
    const open = this.conflicts({ object }).items;
    open.forEach((it) => this.#end(it, choice, person));
    return { n_resolved: open.length, refused: [], next_before: null };
  }

  #end(conflict, resolution, person) {
    Object.assign(conflict, { resolution, resolved_at: instant(Date.now()), resolved_by: `person:${person}` });
  }

  outbox({ status = 'waiting' }) {
    const waiting = this.#cases.filter((it) => this.#edits.has(it.id)).map((it) => itemOf(it, Date.now()));
    const objects = [{
      ...SYSTEM, n_waiting: 212, n_deletes: 140, n_failed: this.#failed.length, oldest: instant(Date.now() - 64_000),
      may_be_held_back: !this.#allowed.has('Case'), deletes_are_let_through: this.#allowed.has('Case'),
    }];
    return { objects, items: status === 'failed' ? this.#failed : waiting, next_after: null };
  }

  resend(id) {
    const before = this.#failed.length;
    this.#failed = this.#failed.filter((it) => it.id !== id);
    return { n_resent: before - this.#failed.length };
  }

  allow({ connection, object }) {
    this.#allowed.add(object);
    return { connection, object, until: instant(Date.now() + 3_600_000) };
  }

  comparisons(now = Date.now()) {
    const run = (object, n_here, n_differ, outcome, at) => ({
      id: uuid(`run ${object}`).replaceAll('-', ''), connection: SYSTEM.connection, object, started_at: instant(at - 40_000), ended_at: instant(at), outcome, n_here,
      n_there: n_here, n_differ, n_repaired: outcome === 'repaired' ? n_differ : 0, accuracy: n_here === 0 ? 1 : 1 - n_differ / n_here, error: null,
      samples: Array.from({ length: Math.min(3, n_differ) }, (_, nth) => ({ record_id: recordId(nth + 20), kind: ['fields', 'missing_here', 'row'][nth], fields: nth === 0 ? ['Status'] : [] })),
    });
    return { items: [run('Case', this.#cases.length, 2, 'repaired', now - 3_600_000), run('Contact', 4_310, 0, 'equal', now - 3_700_000), run('Account', 871, 0, 'equal', now - 3_800_000)] };
  }
}

function itemOf(it, changedMs) {
  const record_id = recordId(Number(it.case_number) - 1_000);
  return {
    id: `${SYSTEM.connection}.${SYSTEM.object}.${record_id}`, ...SYSTEM, record_id, entity: 'case', entity_id: it.id, kind: 'update', status: 'waiting',
    n_attempts: 0, setback: null, changed_at: instant(changedMs), correlation_id: uuid(`change ${it.id}`).replaceAll('-', ''),
  };
}

function conflictOf(it, id, local_field, remote_value, openedMs) {
  return {
    id, ...SYSTEM, record_id: recordId(Number(it.case_number) - 1_000), entity: 'case', entity_id: it.id, label: `${it.docket_number ?? ''}\n${it.title ?? 'Untitled'}`,
    field: REMOTE[local_field], local_field, local_value: it[local_field], remote_value, remote_version: instant(openedMs - 30_000), policy: 'manual',
    opened_at: instant(openedMs), resolved_at: null, resolution: null, resolved_by: null, correlation_id: uuid(`conflict ${id}`).replaceAll('-', ''),
  };
}
