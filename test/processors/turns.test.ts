// Several processors that run at the same time: what they do to one another, and that all of it follows from the state of
// the machine alone.
import { describe, expect, it } from 'vitest';
import { DATA, END, SmpMachine } from './machine.ts';

/** A spinlock at DATA, a counter at DATA + 64 and the number of those that are done at DATA + 128. */
function lockProgram(processors: number, rounds: number): string {
  const bodies = Array.from(
    { length: processors },
    (_, n) => `
cpu${n}:
  mov ecx, ${rounds + 37 * n}
again${n}:
  lock bts dword ptr [${DATA}], 0
  jnc got${n}
  pause
  jmp again${n}
got${n}:
  mov eax, [${DATA + 64}]
  inc eax
  mov [${DATA + 64}], eax
  mov dword ptr [${DATA}], 0
  dec ecx
  jnz again${n}
  lock inc dword ptr [${DATA + 128}]
  ${n === 0 ? `wait:\n  pause\n  cmp dword ptr [${DATA + 128}], ${processors}\n  jne wait\n  ${END}` : 'cli\n  hlt'}`,
  );
  return bodies.join('\n');
}

function lockMachine(processors: number, rounds = 500): SmpMachine {
  const m = new SmpMachine(processors);
  m.program(lockProgram(processors, rounds));
  m.startAll();
  return m;
}

describe('turns', () => {
  it.each([1, 2, 3, 8])('a spinlock counts right with %d processors', (processors) => {
    const m = lockMachine(processors);
    expect(m.run()).toEqual({ reason: 'debug-exit', status: 1 });
    const extra = (37 * processors * (processors - 1)) / 2;
    expect(m.word(DATA + 64)).toBe(processors * 500 + extra);
  });

  it('without the lock updates get lost, as they do between processors that really run at once', () => {
    const m = new SmpMachine(2);
    // the time-stamp counter makes them take turns inside the loop
    const loop = (n: number): string => `
cpu${n}:
  mov ecx, 1000
again${n}:
  mov ebx, [${DATA}]
  rdtsc
  inc ebx
  mov [${DATA}], ebx
  dec ecx
  jnz again${n}
  lock inc dword ptr [${DATA + 128}]
  ${n === 0 ? `wait:\n  cmp dword ptr [${DATA + 128}], 2\n  jne wait\n  ${END}` : 'hlt'}`;
    m.program(loop(0) + loop(1));
    m.startAll();
    m.run();
    expect(m.word(DATA)).toBeGreaterThanOrEqual(1000);
    expect(m.word(DATA)).toBeLessThan(2000);
  });

  it('a run cut into pieces of any length is the same run', () => {
    const whole = lockMachine(3);
    whole.run();
    for (const piece of [1, 7, 100, 1013]) {
      const m = lockMachine(3);
      expect(m.runInPieces(piece)).toEqual({ reason: 'debug-exit', status: 1 });
      expect(m.counts()).toEqual(whole.counts());
    }
  });

  it('a snapshot at any instruction goes on as if nothing had happened', () => {
    const whole = lockMachine(3);
    whole.run();
    for (const at of [1, 500, 2222, 9001]) {
      const first = lockMachine(3);
      first.run(at);
      const saved = first.machine.save();
      const second = new SmpMachine(3);
      second.machine.load(saved);
      expect(Buffer.from(second.machine.save()).equals(Buffer.from(saved))).toBe(true);
      expect(second.run()).toEqual({ reason: 'debug-exit', status: 1 });
      expect(second.counts()).toEqual(whole.counts());
    }
  });

  it('a snapshot of another number of processors is refused', () => {
    const saved = lockMachine(3).machine.save();
    expect(() => new SmpMachine(2).machine.load(saved)).toThrow('there were 3 processors and this machine has 2');
  });

  it('the time-stamp counter never goes backwards from one processor to another', () => {
    const m = new SmpMachine(3);
    // the latest value read is at DATA; a smaller one read under the lock afterwards counts as a failure
    const loop = (n: number): string => `
cpu${n}:
  mov ecx, 400
again${n}:
  lock bts dword ptr [${DATA + 64}], 0
  jc again${n}
  rdtsc
  cmp eax, [${DATA}]
  jae fine${n}
  inc dword ptr [${DATA + 4}]
fine${n}:
  mov [${DATA}], eax
  mov dword ptr [${DATA + 64}], 0
  dec ecx
  jnz again${n}
  lock inc dword ptr [${DATA + 128}]
  ${n === 0 ? `wait:\n  cmp dword ptr [${DATA + 128}], 3\n  jne wait\n  ${END}` : 'hlt'}`;
    m.program([0, 1, 2].map(loop).join('\n'));
    m.startAll();
    expect(m.run().reason).toBe('debug-exit');
    expect(m.word(DATA + 4)).toBe(0);
  });

  it('a device sees time go forward only', () => {
    const m = new SmpMachine(2);
    // the ACPI timer, read by both in turn
    const loop = (n: number): string => `
cpu${n}:
  mov ecx, 200
again${n}:
  mov dx, 0x608
  lock bts dword ptr [${DATA + 64}], 0
  jc again${n}
  in eax, dx
  cmp eax, [${DATA}]
  jae fine${n}
  inc dword ptr [${DATA + 4}]
fine${n}:
  mov [${DATA}], eax
  mov dword ptr [${DATA + 64}], 0
  dec ecx
  jnz again${n}
  lock inc dword ptr [${DATA + 128}]
  ${n === 0 ? `wait:\n  cmp dword ptr [${DATA + 128}], 2\n  jne wait\n  ${END}` : 'hlt'}`;
    m.program([0, 1].map(loop).join('\n'));
    m.startAll();
    expect(m.run().reason).toBe('debug-exit');
    expect(m.word(DATA + 4)).toBe(0);
  });

  it('what one processor writes into code the other executes it at once', () => {
    const m = new SmpMachine(2);
    m.program(`
cpu0:
  mov ecx, 50
next:
  mov eax, [${DATA}]
wait:
  pause
  cmp eax, [${DATA}]
  je wait
  inc byte ptr [patch + 1]
  dec ecx
  jnz next
  ${END}
cpu1:
  inc dword ptr [${DATA}]
patch:
  mov al, 0
  movzx eax, al
  mov [${DATA + 64}], eax
  jmp cpu1`);
    m.startAll();
    expect(m.run().reason).toBe('debug-exit');
    expect(m.word(DATA + 64)).toBeGreaterThan(45);
  });

  it('the one that is alone is run as if there were no other', () => {
    const program = `cpu0:\n  mov ecx, 100000\nagain:\n  add eax, ecx\n  loop again\n  rdtsc\n  ${END}`;
    const runs = [1, 2, 8].map((processors) => {
      const m = new SmpMachine(processors);
      m.program(program);
      m.start(0, 'cpu0');
      m.run();
      return m.counts()[0];
    });
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });

  it('processors that halt with interrupts off leave the machine idle for ever', () => {
    const m = new SmpMachine(2);
    m.program('cpu0:\n  cli\n  hlt\ncpu1:\n  cli\n  hlt');
    m.startAll();
    expect(m.run()).toEqual({ reason: 'idle', status: 8, wakeable: false });
  });
});
