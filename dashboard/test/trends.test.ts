import { describe, expect, it } from 'vitest';
import { change, metricValue, periodName, toneOf } from '../src/trends';

describe('a metric in words', () => {
  it('carries its unit, and is a dash when there is none', () => {
    expect(metricValue(1_234.56, { unit: 'cases' })).toBe('1,234.6');
    expect(metricValue(41.25, { unit: 'days' })).toBe('41.3 d');
    expect(metricValue(null, { unit: 'days' })).toBe('–');
  });

  it('changes by a share with its sign', () => {
    expect(change(0.125)).toBe('+12.5%');
    expect(change(-0.5)).toBe('-50%');
    expect(change(0)).toBe('0%');
    expect(change(undefined)).toBe('–');
  });

  it('is good or bad by its definition, and neither for a trifle', () => {
    expect(toneOf(0.2, { better: 'higher' })).toBe('good');
    expect(toneOf(0.2, { better: 'lower' })).toBe('bad');
    expect(toneOf(0.2, { better: 'neither' })).toBeUndefined();
    expect(toneOf(0.005, { better: 'lower' })).toBeUndefined();
  });

  it('names its periods as people do', () => {
    expect(periodName('2026-11', '2026-11-01', 'month')).toBe('Nov 2026');
    expect(periodName('2026-W49', '2026-11-30', 'week')).toBe('2026-W49');
    expect(periodName('2026-11-30', '2026-11-30', 'day')).toBe('Nov 30, 2026');
  });
});
