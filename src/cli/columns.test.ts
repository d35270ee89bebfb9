// How lists look: the sizes and times that docker(1) prints.
import { describe, expect, test } from 'vitest';
import { ago, columns, humanDuration, humanSize } from './columns.ts';

describe('sizes', () => {
  test.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [4_261_551, '4.26MB'],
    [72_800_000, '72.8MB'],
    [1_130_000_000, '1.13GB'],
  ])('%i is %s', (bytes, text) => expect(humanSize(bytes)).toBe(text));
});

describe('times', () => {
  test.each([
    [0.4, 'Less than a second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [60, 'About a minute'],
    [125, '2 minutes'],
    [50 * 60, 'About an hour'],
    [5 * 3600, '5 hours'],
    [3 * 86400, '3 days'],
    [15 * 86400, '2 weeks'],
    [70 * 86400, '2 months'],
    [800 * 86400, '2 years'],
  ])('%d s is %s', (seconds, text) => expect(humanDuration(seconds)).toBe(text));

  test('of something that has no time is not available', () => expect(ago(undefined)).toBe('N/A'));
});

test('columns are as wide as what is in them', () => {
  expect(columns(['A', 'LONG'], [['aaaa', 'b']])).toBe('A      LONG\naaaa   b\n');
});
