// Input from outside with several processors: it arrives between turns, is stamped there, and a log of it gives the same run.
import { describe, expect, it } from 'vitest';
import { DATA, END, SmpMachine } from './machine.ts';

/** The first processor echoes what the serial line brings until a full stop comes; the second counts. */
const ECHO = `
cpu0:
  mov dx, 0x3fb
  mov al, 0x83
  out dx, al
  mov dx, 0x3f8
  mov al, 1
  out dx, al
  inc dx
  mov al, 0
  out dx, al
  mov dx, 0x3fb
  mov al, 3
  out dx, al
  mov dx, 0x3fc
  mov al, 0x0b
  out dx, al
poll:
  mov dx, 0x3fd
  in al, dx
  test al, 1
  jz poll
  mov dx, 0x3f8
  in al, dx
  add [${DATA}], al
  inc dword ptr [${DATA + 4}]
  cmp al, 0x2e
  jne poll
  mov eax, [${DATA + 64}]
  mov [${DATA + 8}], eax
  ${END}
cpu1:
  inc dword ptr [${DATA + 64}]
  jmp cpu1`;

function machine(): SmpMachine {
  const m = new SmpMachine(2);
  m.program(ECHO);
  m.startAll();
  return m;
}

describe('recorded input', () => {
  it('played back gives the same run, cut into other pieces', () => {
    const first = machine();
    first.machine.input.recording = true;
    const bytes = [...'several processors.'].map((character) => character.charCodeAt(0));
    for (;;) {
      const byte = bytes.shift();
      if (byte !== undefined) first.machine.serialIn(byte);
      const stop = first.run(first.machine.cpu.instructions + 30_011);
      if (stop.reason === 'debug-exit') break;
      expect(stop.reason).toBe('limit');
    }
    const second = machine();
    second.machine.input.replay(first.machine.input.log);
    expect(second.runInPieces(100_003)).toEqual({ reason: 'debug-exit', status: 1 });
    expect(second.counts()).toEqual(first.counts());
    expect(second.word(DATA + 4)).toBe(19);
    expect(second.word(DATA + 8)).toBe(first.word(DATA + 8));
  });
});
