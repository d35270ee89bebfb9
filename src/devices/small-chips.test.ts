// Chips of one or two ports: debug exit, POST, reset control.
import { describe, expect, it } from 'vitest';
import { DebugExit } from './debug-exit.ts';
import { PostPort } from './post-port.ts';
import { ResetControl } from './reset-control.ts';

describe('debug exit', () => {
  it('ends with an odd status that holds the value', () => {
    const statuses: number[] = [];
    const port = new DebugExit((status) => statuses.push(status));
    for (const value of [0, 1, 0x10, 0x1ff]) port.write(0, 4, value);
    expect(statuses).toEqual([1, 3, 0x21, 0xff]);
  });
});

describe('POST port', () => {
  it('keeps the last code', () => {
    const codes: number[] = [];
    const post = new PostPort((code) => codes.push(code));
    post.write(0, 1, 0x20);
    post.write(0, 1, 0xee);
    expect(codes).toEqual([0x20, 0xee]);
    expect(post.read(0, 1)).toBe(0xee);
  });
});

describe('reset control', () => {
  it('resets when bit 2 rises', () => {
    let resets = 0;
    const control = new ResetControl(() => resets++);
    control.write(1, 1, 0x02);
    expect(resets).toBe(0);
    control.write(1, 1, 0x06);
    control.write(1, 1, 0x06);
    expect([resets, control.read(1, 1)]).toEqual([1, 0x06]);
  });

  it('is not reached by the address of a PCI configuration cycle, which nobody answers', () => {
    let resets = 0;
    const control = new ResetControl(() => resets++);
    control.write(0, 4, 0x80000600);
    expect([resets, control.read(0, 4), control.read(1, 1)]).toEqual([0, 0xffffffff, 0]);
  });
});
