// console_io: the emergency console, read and write (Xen public header "xen.h", CONSOLEIO_*).

import { CONSOLEIO_READ, CONSOLEIO_WRITE } from '../../../xen/abi.ts';
import { EFAULT, ENOSYS } from '../../../xen/errno.ts';
import type { Xen } from '../xen.ts';

/** Work of the console driver, per call and per byte. */
const CALL_WORK = 40;
const BYTE_WORK = 4;
/** Bytes taken at once. */
const LIMIT = 4096;

/** console_io(command, count, buffer). */
export function consoleIo(xen: Xen, args: readonly number[]): number {
  const [command, count, buffer] = args as [number, number, number];
  xen.cpu.charge('alu', CALL_WORK);
  if (command === CONSOLEIO_WRITE) {
    const wanted = Math.min(count, LIMIT);
    const bytes = xen.copy.readBytes(buffer, wanted);
    xen.cpu.charge('alu', BYTE_WORK * bytes.length);
    for (const byte of bytes) xen.serialOut(byte);
    return bytes.length < wanted ? -EFAULT : 0;
  }
  if (command === CONSOLEIO_READ) {
    let read = 0;
    while (read < count && xen.input.waiting > 0) {
      if (!xen.copy.isGuest(buffer + read, 1)) return -EFAULT;
      if (!xen.copy.write(buffer + read, xen.input.take()!, 1)) return -EFAULT;
      read++;
    }
    return read;
  }
  xen.warn(`The guest used console_io command ${command}, which does not exist; it got ENOSYS.`);
  return -ENOSYS;
}
