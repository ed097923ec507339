import { describe, expect, it } from 'vitest';
import { stepOf, topOf } from '../src/parts/plot';

describe('the scale of a chart', () => {
  it('goes up in round steps, as many as there is room for', () => {
    expect(stepOf(10, 5, true)).toBe(2);
    expect(stepOf(42, 6, true)).toBe(10);
    expect(stepOf(4, 8, true)).toBe(1);
    expect(stepOf(1_260, 7, true)).toBe(200);
    expect(stepOf(0.01, 5, false)).toBeCloseTo(0.002);
    expect(stepOf(12.6, 5, false)).toBe(5);
  });

  it('reaches above the largest value, and never to nothing', () => {
    expect(topOf({ days: ['a'], values: [[100], [40]] }, { floor: 4, isWhole: true })).toBe(105);
    expect(topOf({ days: [], values: [[]] }, { floor: 4, isWhole: true })).toBe(4);
    expect(topOf({ days: ['a'], values: [[0]] }, { floor: 0, isWhole: false })).toBe(1);
  });
});
