// Trap-and-emulate on purpose lets some instructions give wrong answers: the findings must name each of them, with the
// values the guest itself prints, and a guest that goes wrong or attacks must end as documented.
import { describe, expect, it } from 'vitest';
import type { MachineStop } from '../src/pc/exit.ts';
import { findProfile } from '../src/vmm/cost/index.ts';
import type { Finding } from '../src/vmm/technique.ts';
import { TrapEmulateVmm } from '../src/vmm/techniques/trap-emulate/trap-emulate.ts';
import { loadCore } from './core.ts';
import { bundledGuest } from './run-guest.ts';

interface Line {
  readonly text: string;
  /** What was found since the line before. */
  readonly findings: readonly Finding[];
}

function run(guest: string, commandLine: string, instructions: number): { stop: MachineStop; lines: Line[] } {
  const lines: Line[] = [];
  let text = '';
  let known = 0;
  const vmm: TrapEmulateVmm = new TrapEmulateVmm({
    module: loadCore(),
    memory: 16 << 20,
    profile: findProfile('p4-672'),
    serialOut: (byte) => {
      if (byte !== 10) {
        if (byte !== 13) text += String.fromCharCode(byte);
        return;
      }
      const findings = vmm.findings();
      lines.push({ text, findings: findings.slice(known) });
      known = findings.length;
      text = '';
    },
  });
  vmm.start(bundledGuest(guest).file, { commandLine });
  const stop = vmm.run({ instructions });
  lines.push({ text, findings: vmm.findings().slice(known) });
  return { stop, lines };
}

function output(lines: readonly Line[]): string {
  return lines.map(({ text }) => text).join('\n');
}

/** The number behind a word of a finding: `selector 0x9 (ring 1)`; what was not allowed shows as 0. */
function numberIn(value: string, word: string): number {
  if (value === 'not allowed') return 0;
  const match = new RegExp(`${word}(0x[0-9a-f]+|\\d+)`).exec(value);
  return match ? Number(match[1]) : Number.NaN;
}

/** What a probe of the guest makes of a wrong value of its instruction. */
function asPrinted(probe: string, findings: readonly Finding[], side: 'sawValue' | 'rightValue'): number {
  const value = (instruction: string): string =>
    findings.find((finding) => finding.instruction.startsWith(instruction))?.[side] ?? '';
  const flags = (words: string): number => (numberIn(words, 'IF ') << 9) | (numberIn(words, 'IOPL ') << 12);
  const first = findings[0]?.[side] ?? '';
  switch (probe) {
    case 'SGDT-limit':
    case 'SIDT-limit':
      return numberIn(first, 'limit ');
    case 'SGDT-base':
    case 'SIDT-base':
      return numberIn(first, 'base ');
    case 'SMSW':
      return numberIn(first, 'CR0 ');
    case 'PUSHF-after-CLI':
      return flags(first);
    case 'POPF-sets-IOPL':
      return flags(value('popf')) & 0x3000;
    case 'POPF-clears-IF':
      return flags(value('popf')) & 0x200;
    case 'POPF-sets-IF':
      return numberIn(first, 'IF ');
    case 'IRET':
      return ((flags(value('pushf')) | 0x400) << 16) | numberIn(value('mov'), 'selector ');
    default:
      if (probe.startsWith('LAR')) return numberIn(first, '^') & 0x00f0_ff00;
      if (probe.startsWith('LSL')) return numberIn(first, '^');
      return numberIn(first, 'selector ');
  }
}

describe('sensitive instructions under trap-emulate', () => {
  const { stop, lines } = run('sensitive', '', 2_000_000);
  const answers = lines.flatMap((line) => {
    const match = /^sensitive (\S+) saw ([0-9a-f]{8}) expected ([0-9a-f]{8}) (ok|WRONG)$/.exec(line.text);
    return match
      ? [{ ...line, probe: match[1]!, saw: `${match[2]}`, right: `${match[3]}`, ok: match[4] === 'ok' }]
      : [];
  });

  it('the guest reaches its end', () => {
    expect(stop).toEqual({ reason: 'power-off', status: 0 });
    expect(answers.length).toBe(36);
  });

  it.each(answers)('$probe: findings if and only if the answer is wrong', ({ findings, ok }) => {
    expect(findings.length > 0).toBe(!ok);
  });

  it.each(answers.filter(({ ok }) => !ok))(
    '$probe: the finding has the values printed',
    ({ probe, findings, saw, right }) => {
      const hex = (side: 'sawValue' | 'rightValue'): string =>
        (asPrinted(probe, findings, side) >>> 0).toString(16).padStart(8, '0');
      expect([hex('sawValue'), hex('rightValue')]).toEqual([saw, right]);
    },
  );
});

describe('guests that go wrong under trap-emulate', () => {
  it('rings ends by itself, with its wrong selectors told', () => {
    const { stop, lines } = run('rings', '', 3_000_000);
    expect(stop.reason).not.toBe('limit');
    expect(lines.flatMap(({ findings }) => findings).map(({ text }) => text)).toContain('mov cx, cs');
  });

  it('tinyos comes to its tests and waits for an interrupt that IRET has lost', () => {
    const { stop, lines } = run('tinyos', '', 8_000_000);
    expect(stop.reason).toBe('limit');
    expect(output(lines)).toContain('test separate address spaces: ok');
    const lost = lines.flatMap(({ findings }) => findings).find(({ instruction }) => instruction.startsWith('iret'));
    expect(lost).toMatchObject({ sawValue: 'IF 0, IOPL 0', rightValue: 'IF 1, IOPL 0' });
  });

  it('hostile is stopped at every attempt and reaches its end', () => {
    const { stop, lines } = run('hostile', '', 20_000_000);
    expect(output(lines)).toMatch(/hostile: 30 attempts stopped, 1 leaked, 0 escaped/);
    expect(output(lines)).toMatch(/attempt table-registers: leaked/);
    expect(stop).toEqual({ reason: 'power-off', status: 0 });
  });

  it.each([
    ['spin', 'limit', 6],
    ['traps', 'limit', 6],
    ['cli-hlt', 'idle', 8],
    ['triple', 'shutdown', 4],
    ['triple-stack', 'shutdown', 4],
    ['triple-gdt', 'shutdown', 4],
    ['reset', 'reset', 10],
  ])('hostile mode=%s ends as %s', (mode, reason, status) => {
    expect(run('hostile', `mode=${mode}`, 300_000).stop).toMatchObject({ reason, status });
  });
});
