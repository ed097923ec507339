// Numbers, durations and instants read as people write them.
import { describe, expect, it } from 'vitest';
import { ago, bytes, count, counted, day, duration, instant, NOTHING, prettyJson, short, utc } from '../src/format';
import { units } from '../src/money';

describe('format', () => {
  it('missing number is a dash, never a zero', () => {
    expect(count(null)).toBe(NOTHING);
    expect(count(undefined)).toBe(NOTHING);
    expect(count(0)).toBe('0');
    expect(duration(null)).toBe(NOTHING);
    expect(bytes(null)).toBe(NOTHING);
    expect(instant(null)).toBe(NOTHING);
  });

  it('millionths of a credit are shown as credits', () => {
    expect(units({ quantity: 1, unit: 'call' })).toBe('1 call');
    expect(units({ quantity: 125, unit: 'microcredit' })).toBe('0.0001 credits');
    expect(units({ quantity: 1_250_000, unit: 'microcredit' })).toBe('1.25 credits');
    expect(units({ quantity: 1_234_000_000, unit: 'microcredit' })).toBe('1,234 credits');
  });

  it('one thing is singular', () => {
    expect(counted(1, 'case')).toBe('1 case');
    expect(counted(2, 'case')).toBe('2 cases');
    expect(counted(0, 'entry', 'entries')).toBe('0 entries');
  });

  it('duration takes the unit that fits', () => {
    expect([0, 999, 1_200, 59_900, 60_000, 3_599_999, 7_200_000, 172_800_000].map(duration))
      .toEqual(['0 ms', '999 ms', '1.2 s', '59.9 s', '1 min', '59 min', '2 h', '2 d']);
  });

  it('time that passed counts in seconds first, and a clock slightly ahead is now', () => {
    const now = Date.parse('2026-11-22T12:00:00Z');
    expect(ago('2026-11-22T11:59:58Z', now)).toBe('2 s ago');
    expect(ago('2026-11-22T12:00:00.400Z', now)).toBe('just now');
    expect(ago('2026-11-22T11:55:00Z', now)).toBe('5 min ago');
    expect(ago('2026-11-22T12:10:00Z', now)).toBe('in 10 min');
    expect(ago('not a time', now)).toBe(NOTHING);
  });

  it('bytes go up by thousands', () => {
    expect([512, 1_500, 20_000_000, 3_000_000_000_000].map(bytes)).toEqual(['512 B', '1.5 kB', '20 MB', '3,000 GB']);
  });

  it('instant in UTC keeps its milliseconds', () => {
    expect(utc('2026-11-22T09:30:00.125Z')).toBe('2026-11-22 09:30:00.125 UTC');
    expect(utc('junk')).toBe('junk');
  });

  it('day is one in UTC wherever the viewer is', () => {
    expect(day('2026-11-01')).toBe('Nov 1');
    expect(day('2026-11-01', true)).toBe('Nov 1, 2026');
    expect(day('soon')).toBe('soon');
  });

  it('short keeps what fits and marks what it cut', () => {
    expect(short('abcdef', 6)).toBe('abcdef');
    expect(short('abcdefghij', 4)).toBe('abcd…');
  });

  it('broken JSON is shown as it is', () => {
    expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(prettyJson('{"a":')).toBe('{"a":');
  });
});
