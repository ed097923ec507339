// What is typed and picked becomes what the API takes.
import { describe, expect, it } from 'vitest';
import type { Comparison, Conflict, Disputed, RowField, RowState } from '../src/api/types';
import { changesOf, editable } from '../src/pages/case-edit';
import { choicesOf, readAs } from '../src/pages/conflict';
import { decideAll, nameOf } from '../src/pages/conflicts';
import { newestOf, percent } from '../src/pages/sync';

const field = (name: string, value: RowField['value'], can_change = true): RowField => ({
  field: name, remote_field: name, value, remote_value: value, can_change, policy: 'manual', state: 'in_step', conflict: null,
});

const row = (...fields: RowField[]): RowState => ({
  entity: 'case', id: 'c', connection: 'main', object: 'Case', record_id: null, is_deleted: false, presence: 'in_step', fields, outbox: null,
});

const disputed = (name: string, over: Partial<Conflict> = {}): Disputed => ({
  conflict: {
    id: 1, connection: 'main', object: 'Case', record_id: '500', entity: 'case', entity_id: 'c', label: null, field: name, local_field: name, local_value: 'a',
    remote_value: 'b', remote_version: '', policy: 'manual', opened_at: '', resolved_at: null, resolution: null, resolved_by: null, correlation_id: '', ...over,
  },
  changed_here: null,
});

describe('editing a case', () => {
  it('sends only what differs, and empty text as no value', () => {
    const it = row(field('status', 'Active'), field('court', null), field('case_number', '7', false), field('account_id', 'x'));
    expect(changesOf(it, { status: ' Active ', court: '', case_number: '8', account_id: 'y' })).toEqual({});
    expect(changesOf(it, { status: 'Trial', court: 'South' })).toEqual({ status: 'Trial', court: 'South' });
    expect(changesOf(it, { status: ' ' })).toEqual({ status: null });
  });

  it('offers neither ids nor fields of the platform, and nothing of a deleted case', () => {
    const it = row(field('status', 'Active'), field('case_number', '7', false), field('account_id', 'x'));
    expect(editable(it).map((one) => one.field)).toEqual(['status']);
    expect(editable({ ...it, is_deleted: true })).toEqual([]);
  });
});

describe('deciding conflicts', () => {
  it('leaves out what stays open and what was decided before', () => {
    const fields = [disputed('status'), disputed('court'), disputed('title', { resolved_at: '2026-01-01T00:00:00Z' }), disputed('reason')];
    const picks = { status: { side: 'local' }, court: { side: 'other', text: ' West ' }, title: { side: 'remote' }, reason: { side: 'open' } } as const;
    expect(choicesOf(fields, picks)).toEqual({ status: 'local', court: { value: 'West' } });
  });

  it('reads a typed value in the kind of what stood there', () => {
    expect([readAs(3, '4'), readAs(3, 'four'), readAs(true, 'no'), readAs('x', ' y '), readAs('x', ' ')]).toEqual([4, 'four', false, 'y', null]);
  });

  it('goes on until none is left, and stops when nothing moves', async () => {
    const asked: (number | undefined)[] = [];
    const pages = [{ n_resolved: 200, refused: [], next_before: 41 }, { n_resolved: 7, refused: [{ field: 'court', fault: 'too long' }], next_before: null }];
    const tally = await decideAll(async (before) => {
      asked.push(before);
      return pages[asked.length - 1]!;
    });
    expect(asked).toEqual([undefined, 41]);
    expect(tally).toEqual({ nResolved: 207, faults: ['too long'] });
    expect(await decideAll(async () => ({ n_resolved: 0, refused: [], next_before: 5 }))).toEqual({ nResolved: 0, faults: [] });
  });

  it('names a row by its title, its number or its record', () => {
    expect(nameOf({ label: '24-2\nDoe v. Roe', entity: 'case', record_id: '500' })).toBe('Doe v. Roe');
    expect(nameOf({ label: 'Acme', entity: 'account', record_id: '001' })).toBe('Acme');
    expect(nameOf({ label: null, entity: 'contact', record_id: '003' })).toBe('Contact 003');
  });
});

describe('accuracy', () => {
  const run = (object: string, outcome: Comparison['outcome'], accuracy: number): Comparison => ({
    id: object, connection: 'main', object, started_at: '', ended_at: null, outcome, n_here: 1, n_there: 1, n_differ: 0, n_repaired: 0, samples: [], error: null, accuracy,
  });

  it('says 100 % only when nothing differs', () => {
    expect([percent(1), percent(0.99999), percent(0.5), percent(0)]).toEqual(['100 %', '99.99 %', '50.00 %', '0.00 %']);
  });

  it('shows of each object the newest comparison that ended', () => {
    const shown = newestOf([run('Case', 'running', 0), run('Case', 'repaired', 0.9), run('Case', 'equal', 1), run('Account', 'running', 0)]);
    expect(shown.map((it) => [it.object, it.outcome])).toEqual([['Account', 'running'], ['Case', 'repaired']]);
  });
});
