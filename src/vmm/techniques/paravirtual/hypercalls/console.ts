// console_io: the emergency console, read and write (Xen public header "xen.h", CONSOLEIO_*).

import { CONSOLEIO_READ, CONSOLEIO_WRITE } from '../../../xen/abi.ts';
import { EFAULT, EINVAL, ENOSYS } from '../../../xen/errno.ts';
import type { Xen } from '../xen.ts';

/** Work of the console driver, per call and per byte. */
const CALL_WORK = 40;
const BYTE_WORK = 4;
/** Longest text of one call. */
const LIMIT = 0x1_0000;

/** console_io(command, count, buffer). */
export function consoleIo(xen: Xen, args: readonly number[]): number {
  const [command, count, buffer] = args as [number, number, number];
  xen.cpu.charge('alu', CALL_WORK);
  if (command === CONSOLEIO_WRITE) {
    if (count > LIMIT) return -EINVAL;
    const bytes = xen.copy.readBytes(buffer, count);
    if (bytes.length < count) return -EFAULT;
    xen.cpu.charge('alu', BYTE_WORK * bytes.length);
    for (const byte of bytes) xen.serialOut(byte);
    return 0;
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
