// Shares of good rows are written and drawn so that nothing looks better than it was.
import { describe, expect, it } from 'vitest';
import { height, share } from '../src/pages/pipeline';
import { isEnded } from '../src/pages/pipeline-run';

describe('quality', () => {
  it('a hundred percent is said only when every row passed', () => {
    expect(share(100)).toBe('100 %');
    expect(share(99.9999)).toBe('99.99 %');
    expect(share(0)).toBe('0.00 %');
    expect(share(null)).toBe('no rows');
  });

  it('columns tell runs apart, and none vanishes', () => {
    const worst = 99.4;
    expect(height(100, worst)).toBeCloseTo(100);
    expect(height(99.4, worst)).toBeGreaterThanOrEqual(8);
    expect(height(99.4, worst)).toBeLessThan(height(99.7, worst));
    expect(height(0, 0)).toBeGreaterThanOrEqual(8);
    expect(height(null, worst)).toBe(4);
  });

  it('a run that waits or works is not over', () => {
    expect(['queued', 'running'].map((it) => isEnded(it as 'queued'))).toEqual([false, false]);
    expect(['succeeded', 'refused', 'failed', 'cancelled'].map((it) => isEnded(it as 'failed'))).toEqual([true, true, true, true]);
  });
});
