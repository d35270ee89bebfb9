// A machine that starts in a ROM. Expected values: SDM Vol. 3 "Processor State After Reset", "First Instruction Executed";
// Intel 440FX "System Address Map" for the place below 1 MiB.
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../src/isa/assemble.ts';
import { Machine } from '../src/pc/machine.ts';
import { BootError } from '../src/boot/boot-error.ts';
import { SnapshotError } from '../src/machine/snapshot.ts';
import { loadCore } from './core.ts';

const KIB = 1024;
const MEMORY = 4 * KIB * KIB;
const POST = 0x190;
const DEBUGCON = 0xe9;
/** Offset of flat 32-bit code in the last 64 KiB. */
const FLAT = 0x1000;

/** Real-address code at the reset vector that goes to flat protected mode. */
const START = `
  start: o32 lgdt [cs:0xf100]
  mov eax, cr0
  or eax, 1
  mov cr0, eax
  o32 jmp 8:0xffff${FLAT.toString(16)}`;

/** A ROM whose 32-bit part is `program`; it runs below 4 GiB with flat segments. */
function rom(program: string, size = 64 * KIB): Uint8Array {
  const bytes = new Uint8Array(size).fill(0xf4);
  const view = new DataView(bytes.buffer);
  const top = size - 0x10000;
  const put = (text: string, mode: 16 | 32, at: number, origin: number): void =>
    bytes.set(assembleProgram(text, { origin, mode }).bytes, top + at);
  put('jmp 0xf200', 16, 0xfff0, 0xfff0);
  put(START, 16, 0xf200, 0xf200);
  put(`mov eax, 16\nmov ds, eax\nmov es, eax\nmov ss, eax\nmov esp, 0x8000\n${program}`, 32, FLAT, 0xffff0000 + FLAT);
  view.setUint16(top + 0xf100, 0x17, true);
  view.setUint32(top + 0xf102, 0xfffff110, true);
  view.setBigUint64(top + 0xf118, 0x00cf9b000000ffffn, true);
  view.setBigUint64(top + 0xf120, 0x00cf93000000ffffn, true);
  return bytes;
}

interface Seen {
  readonly machine: Machine;
  readonly posts: number[];
  readonly text: () => string;
}

function machine(image: Uint8Array): Seen {
  const posts: number[] = [];
  const text: number[] = [];
  const built = new Machine(loadCore(), {
    memory: MEMORY,
    rom: image,
    postPort: POST,
    post: (code) => posts.push(code),
    debugConsole: { port: DEBUGCON, write: (byte) => text.push(byte) },
  });
  return { machine: built, posts, text: () => String.fromCharCode(...text) };
}

const post = (code: string): string => `mov al, ${code}\nmov dx, ${POST}\nout dx, al\n`;
const END = 'mov al, 0\nout 0xf4, al\nhlt';

/** Runs the program to its end and returns what it wrote to the POST port. */
function posted(program: string, size?: number): number[] {
  const { machine: m, posts } = machine(rom(program + END, size));
  expect(m.runUntil({ instructions: 100_000 })).toMatchObject({ reason: 'debug-exit' });
  return posts;
}

describe('a machine with a ROM', () => {
  test('starts at the reset vector and reports POST codes and text', () => {
    const say = [...'ROM'].map((c) => `mov al, ${c.charCodeAt(0)}\nout 0xe9, al\n`).join('');
    const {
      machine: m,
      posts,
      text,
    } = machine(rom(`${post('0x55')}${say}in al, 0xe9\nmov dx, ${POST}\nout dx, al\n${END}`));
    expect(m.runUntil({ instructions: 1000 })).toMatchObject({ reason: 'debug-exit' });
    expect(posts).toEqual([0x55, 0xe9]);
    expect(text()).toBe('ROM');
  });

  test('sees the same bytes below 4 GiB and below 1 MiB', () => {
    for (const size of [64 * KIB, 128 * KIB, 256 * KIB]) {
      const low = 0x100000 - Math.min(size, 128 * KIB);
      expect(
        posted(
          `mov esi, ${low}\nmov edi, ${0x100000000 - (0x100000 - low)}\nmov ecx, ${(0x100000 - low) >> 2}\nrepe cmpsd\nsetz al\nmov dx, ${POST}\nout dx, al\n`,
          size,
        ),
      ).toEqual([1]);
    }
  });

  test('ignores writes to both places', () => {
    for (const address of [0xfffff110, 0xff110])
      expect(posted(`mov byte [${address}], 0x77\n${post(`[${address}]`)}`)).toEqual([0xf4]);
    // a read-modify-write reads the ROM and loses what it wrote; a page of the ROM in front of its end, and the last bytes
    expect(
      posted(`add byte [0xffff8000], 1\n${post('[0xffff8000]')}mov dword [0xfffffffc], 0\n${post('[0xffffffff]')}`),
    ).toEqual([0xf4, 0xf4]);
  });

  test('has its RAM between, and nothing behind it', () => {
    expect(posted(`mov dword [${MEMORY - 4}], 0x12\n${post(`[${MEMORY - 4}]`)}`)).toEqual([0x12]);
    expect(posted(`${post(`[${MEMORY}]`)}${post('[0xfffeffff]')}`)).toEqual([0xff, 0xff]);
  });

  test('can have page tables in the ROM', () => {
    // one 4 MiB page at 0 and one for the ROM, entries accessed and dirty
    const image = rom(
      `mov eax, cr4\nor eax, 0x10\nmov cr4, eax\nmov eax, 0xffff4000\nmov cr3, eax\nmov eax, cr0\nor eax, 0x80000000\nmov cr0, eax\n${post('[0xfffff110]')}${END}`,
    );
    const view = new DataView(image.buffer);
    for (let n = 0; n < 1024; n++) view.setUint32(0x4000 + 4 * n, ((n << 22) | 0xe3) >>> 0, true);
    const { machine: m, posts } = machine(image);
    expect(m.runUntil({ instructions: 1000 })).toMatchObject({ reason: 'debug-exit' });
    expect(posts).toEqual([0xf4]);
  });

  const LOOP = `mov ecx, 300\nl: mov eax, [0xfffff118 + ecx]\nadd [0x5000], eax\ntest cl, 63\njnz n\n${post('cl')}n: loop l\n${post('[0x5000]')}`;

  test('goes on from a snapshot as if nothing had happened', () => {
    const whole = machine(rom(LOOP + END));
    whole.machine.runUntil();
    const first = machine(rom(LOOP + END));
    first.machine.runUntil({ instructions: 700 });
    const second = machine(new Uint8Array(64 * KIB));
    second.machine.load(first.machine.save());
    second.machine.runUntil();
    expect([...first.posts, ...second.posts]).toEqual(whole.posts);
    expect(second.machine.cpu.cycles).toBe(whole.machine.cpu.cycles);
    expect(second.machine.cpu.instructions).toBe(whole.machine.cpu.instructions);
    expect(Buffer.compare(second.machine.cpu.rom, whole.machine.cpu.rom)).toBe(0);
    expect(Buffer.compare(second.machine.cpu.ram, whole.machine.cpu.ram)).toBe(0);
    const other = machine(new Uint8Array(128 * KIB));
    expect(() => other.machine.load(first.machine.save())).toThrow(SnapshotError);
  });

  test('takes the same time in slices of one instruction', () => {
    const whole = machine(rom(LOOP + END));
    whole.machine.runUntil();
    const sliced = machine(rom(LOOP + END));
    for (let n = 1; sliced.machine.runUntil({ instructions: n }).reason === 'limit'; n++);
    expect(sliced.posts).toEqual(whole.posts);
    expect(sliced.machine.cpu.cycles).toBe(whole.machine.cpu.cycles);
  });

  test('refuses an image of another size', () => {
    expect(() => machine(new Uint8Array(1000))).toThrow(BootError);
  });
});

test.each([
  ['the keyboard controller', 'mov al, 0xfe\nout 0x64, al'],
  ['system control port A', 'mov al, 3\nout 0x92, al'],
  ['the reset control register', 'mov dx, 0xcf9\nmov al, 2\nout dx, al\nmov al, 6\nout dx, al'],
])('a reset by %s starts the ROM again; memory stays', (_, reset) => {
  // CR0 is as INIT leaves it, or the far jump in front of this would not have come here
  const program = `inc dword [0x5000]\n${post('[0x5000]')}cmp dword [0x5000], 3\nje done\n${reset}\nhlt\ndone:\n`;
  expect(posted(program)).toEqual([1, 2, 3]);
});

test('firmware can use system-management mode: the APM port raises SMI once it is enabled', () => {
  // the handler: inc byte [cs:0xff74], which is the low byte of RBX in the state-save map; rsm
  const program = `
    mov dword [0x38000], 0x7406fe2e
    mov dword [0x38004], 0xaa0fff
    mov al, 5
    out 0xb2, al
    mov dx, 0x630
    mov eax, 0x21
    out dx, eax
    mov ebx, 7
    out 0xb2, al
    out 0xb2, al
    ${post('bl')}
    mov dx, 0x634
    in al, dx
    mov dx, ${POST}
    out dx, al
  `;
  expect(posted(program)).toEqual([9, 0x20]);
});

describe('firmware that faults for ever', () => {
  test('stops at a limit of busy cycles although no instruction retires', () => {
    // vector 13 leads to an instruction that goes on beyond the limit of its segment: #GP, for ever
    const image = rom('');
    const program = 'xor ax, ax\nmov ds, ax\nmov word [52], 0xffff\nmov word [54], 0xf000\no32 jmp 0xf000:0xffff';
    image.set(assembleProgram(program, { origin: 0xf200, mode: 16 }).bytes, 0xf200);
    image[0xffff] = 0xb8;
    const seen = machine(image);
    const stop = seen.machine.runUntil({ instructions: 1000, busyCycles: 2000 });
    expect(stop.reason).toBe('limit');
    expect(seen.machine.cpu.instructions).toBeLessThan(20);
    expect(seen.machine.cpu.cycles).toBeGreaterThanOrEqual(2000);
  });
});
