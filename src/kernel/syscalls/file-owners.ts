// What fcntl(2) does with who gets the signals of an open file ("Managing signals").
import { SIGNAL_COUNT } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import { type FileOwner, ownerBy, ownersOf, pidOf } from '../vfs/async.ts';
import type { FileDescription } from '../vfs/file.ts';
import type { Call } from './call.ts';

const F_SETOWN = 8;
const F_GETOWN = 9;
const F_SETSIG = 10;
const F_GETSIG = 11;
const F_SETOWN_EX = 15;
const F_GETOWN_EX = 16;
/** F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP by their numbers. */
const KINDS: readonly FileOwner['kind'][] = ['task', 'process', 'group'];
/** It has no counterpart that is positive. */
const LEAST_INT = -0x8000_0000;

/** @throws SystemError ESRCH */
function setOwner({ task }: Call, file: FileDescription, kind: FileOwner['kind'], number: number): number {
  const pid = number === 0 ? undefined : (pidOf(task, number) ?? fail('ESRCH'));
  file.owner = pid === undefined ? undefined : ownerBy(task, kind, pid);
  return 0;
}

/** The number of the owner as the caller sees it; 0 once nobody is left. */
const ownerNumber = (call: Call, owner: FileOwner | undefined): number =>
  owner === undefined || ownersOf(owner).length === 0 ? 0 : call.number(owner.pid);

/** Owners and signals of files; undefined for other operations. @throws SystemError EINVAL, ESRCH */
export function ownerControl(call: Call, file: FileDescription): number | undefined {
  const argument = call.arg(2);
  switch (call.arg(1)) {
    case F_GETOWN: {
      const number = ownerNumber(call, file.owner);
      return file.owner?.kind === 'group' ? -number : number;
    }
    case F_SETOWN: {
      const number = argument | 0;
      if (number === LEAST_INT) fail('EINVAL');
      return setOwner(call, file, number < 0 ? 'group' : 'process', Math.abs(number));
    }
    case F_GETOWN_EX:
      call.writeWord(argument, KINDS.indexOf(file.owner?.kind ?? 'task'), 4);
      call.writeWord(argument + 4, ownerNumber(call, file.owner), 4);
      return 0;
    case F_SETOWN_EX: {
      const [type, number] = [call.readWord(argument, 4), call.readWord(argument + 4, 4)];
      return setOwner(call, file, KINDS[type] ?? fail('EINVAL'), number);
    }
    case F_GETSIG:
      return file.signalNumber;
    case F_SETSIG:
      if (argument < 0 || argument > SIGNAL_COUNT) fail('EINVAL');
      file.signalNumber = argument;
      return 0;
    default:
      return undefined;
  }
}
