// Names of the domain are written for people.
import { expect, it } from 'vitest';
import { actorName, caseName, fieldName, fieldValue, importanceName, toneOfStatus } from '../src/words';

it('field names lose their underscores', () => {
  expect(fieldName('docket_number')).toBe('Docket number');
  expect(fieldName('account_id')).toBe('Account ID');
});

it('empty, yes and no are words', () => {
  expect([fieldValue('status', null), fieldValue('is_closed', true), fieldValue('is_closed', false), fieldValue('n', 3)])
    .toEqual(['empty', 'Yes', 'No', '3']);
});

it('case without a title goes by its docket number, then its case number', () => {
  expect(caseName({ title: 'Doe v. Roe', docket_number: '1', case_number: '2' })).toBe('Doe v. Roe');
  expect(caseName({ title: null, docket_number: '2026-CV-1', case_number: '2' })).toBe('2026-CV-1');
  expect(caseName({ title: null, docket_number: null, case_number: '00001000' })).toBe('Case 00001000');
  expect(caseName({ title: null, docket_number: null, case_number: null })).toBe('Untitled case');
});

it('actor is a person by name or a system with its connection', () => {
  expect(actorName('person:anna')).toBe('anna');
  expect(actorName('salesforce:main')).toBe('Salesforce (main)');
  expect(actorName('cron')).toBe('cron');
  expect(actorName('schedule')).toBe('the clock');
});

it('closed case is grey whatever its status, and importance beyond five is critical', () => {
  expect(toneOfStatus('New', true)).toBe('neutral');
  expect(toneOfStatus('On Hold', false)).toBe('warn');
  expect(importanceName(9)).toBe('Critical');
});
