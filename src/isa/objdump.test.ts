// The decoder against GNU objdump, as far as it is installed: random encodings of every row have the same length and mnemonic.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from '../../test/properties.ts';
import { describe, expect, it } from 'vitest';
import { arbitraryEncodable } from '../../test/isa/arbitrary-instruction.ts';
import { decode } from './decode.ts';
import { encode } from './encode.ts';
import { FORMS } from './forms.ts';
import type { CodeMode } from './instruction.ts';

const SLOT = 32;
const SAMPLES = 12;
const MACHINES: Readonly<Record<CodeMode, string>> = { 16: 'i8086', 32: 'i386', 64: 'i386:x86-64' };
const isInstalled = spawnSync('objdump', ['--version']).status === 0;

/** Words objdump spells otherwise, prefixes and size suffixes it adds. */
const SPELLINGS: Readonly<Record<string, string>> = {
  pushaw: 'pusha',
  pushad: 'pusha',
  popaw: 'popa',
  popad: 'popa',
  iretw: 'iret',
  iretd: 'iret',
  iretq: 'iret',
  pushfw: 'pushf',
  pushfd: 'pushf',
  pushfq: 'pushf',
  popfw: 'popf',
  popfd: 'popf',
  popfq: 'popf',
  xlatb: 'xlat',
  movsb: 'movs',
  movsw: 'movs',
  movsd: 'movs',
  movsq: 'movs',
  cmpsb: 'cmps',
  cmpsw: 'cmps',
  cmpsd: 'cmps',
  cmpsq: 'cmps',
  stosb: 'stos',
  stosw: 'stos',
  stosd: 'stos',
  stosq: 'stos',
  lodsb: 'lods',
  lodsw: 'lods',
  lodsd: 'lods',
  lodsq: 'lods',
  scasb: 'scas',
  scasw: 'scas',
  scasd: 'scas',
  scasq: 'scas',
  insb: 'ins',
  insw: 'ins',
  insd: 'ins',
  outsb: 'outs',
  outsw: 'outs',
  outsd: 'outs',
  retf: 'ret',
  'jmp far': 'jmp',
  'call far': 'call',
  movabs: 'mov',
  lret: 'ret',
  ljmp: 'jmp',
  lcall: 'call',
  'rex.w': '',
  int1: 'int1',
  icebp: 'int1',
  loopw: 'loop',
  loopew: 'loope',
  loopnew: 'loopne',
};

const SUFFIXED =
  /^(call|jmp|retf?|enter|leave|push|pop|lgdt|lidt|sgdt|sidt|sysret|sysexit|pusha|popa|pushf|popf|iret)[wldq]$/;

function spelling(word: string): string {
  const plain = word.replace(SUFFIXED, '$1');
  return SPELLINGS[plain] ?? plain;
}

const PREFIX =
  /^(lock|rep|repz|repe|repnz|repne|addr16|addr32|data16|data32|[c-gs]s|rex(\.\w+)?|notrack|bnd|xacquire|xrelease)$/;

function mnemonic(text: string): string {
  const words = text.split(/\s+/).filter((word) => !PREFIX.test(word));
  // predicates and lengths that objdump puts into the name, notes on old coprocessors
  const word = (words[0] ?? '')
    .replace(/\(.*$/, '')
    .replace(/^cmp(eq|lt|le|unord|neq|nlt|nle|ord)(ps|pd|ss|sd)$/, 'cmp$2')
    .replace(/^pclmul[lh]q[lh]qdq$/, 'pclmulqdq')
    .replace(/^(pcmpestr[im])q$/, '$1')
    .replace(/^(fldenv|fnstenv|frstor|fnsave)[wd]$/, '$1');
  return spelling(word);
}

function samples(mode: CodeMode): number[][] {
  return FORMS.filter((form) => (mode === 64 ? form.modes !== 'legacy' : form.modes !== '64')).flatMap((form) =>
    fc
      .sample(arbitraryEncodable(form, mode), { numRuns: SAMPLES, seed: form.index })
      .map((item) => encode(item, mode))
      .filter((bytes) => bytes !== undefined),
  );
}

function objdump(all: readonly number[][], mode: CodeMode): Map<number, { length: number; text: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'anillo-objdump-'));
  const file = join(directory, 'code.bin');
  const image = new Uint8Array(all.length * SLOT).fill(0x90);
  all.forEach((bytes, n) => {
    image.set(bytes, n * SLOT);
  });
  writeFileSync(file, image);
  const options = ['-D', '-b', 'binary', '-m', MACHINES[mode], '-M', 'intel', '-w', '--insn-width=16', file];
  const text = execFileSync('objdump', options, { maxBuffer: 1 << 28, encoding: 'utf8' });
  rmSync(directory, { recursive: true });
  const lines = [...text.matchAll(/^\s*([0-9a-f]+):\s+((?:[0-9a-f]{2} )+)\s*(.*)$/gm)];
  return new Map(
    lines.map(([, at, bytes, words]) => [
      Number.parseInt(at!, 16),
      { length: bytes!.trim().split(' ').length, text: words! },
    ]),
  );
}

describe.skipIf(!isInstalled)('objdump (binutils) agrees', () => {
  it.each([16, 32, 64] as const)('on length and mnemonic in %i-bit code', (mode) => {
    const all = samples(mode);
    const theirs = objdump(all, mode);
    const differences: string[] = [];
    all.forEach((bytes, n) => {
      const ours = decode(bytes, 0, mode)!;
      const other = theirs.get(n * SLOT)!;
      const name = spelling(ours.mnemonic);
      const unknown = other.text.includes('(bad)'); // SALC, and hints it takes for instructions of later processors
      // a prefix before FWAIT is an instruction of its own to objdump
      if (unknown || ours.form.op === 'nop' || ours.form.op === 'fwait') return;
      if (ours.length === other.length && name === mnemonic(other.text)) return;
      differences.push(
        `${Buffer.from(bytes).toString('hex')}: ${name} ${ours.length}, objdump ${other.text} ${other.length}`,
      );
    });
    expect(differences).toEqual([]);
  });
});
if (!isInstalled)
  console.warn('objdump is not installed (package binutils): the cross-check of the decoder is skipped.');
