// xen_version, physdev_op, vm_assist, grant_table_op: what the platform is and what of it the guest is given
// (Xen public headers "version.h", "features.h", "physdev.h", "grant_table.h").

import {
  DOMID_SELF,
  GNTTABOP_QUERY_SIZE,
  GNTTABOP_SETUP_TABLE,
  GUEST_MAGIC,
  HYPERVISOR_VIRT_START,
  PHYSDEVOP_SET_IOBITMAP,
  PHYSDEVOP_SET_IOPL,
  VMASST_CMD_DISABLE,
  VMASST_TYPE_4GB_SEGMENTS,
  VMASST_TYPE_WRITABLE_PAGETABLES,
  XEN_VERSION,
  XENFEAT_MMU_PT_UPDATE_PRESERVE_AD,
  XENVER_CAPABILITIES,
  XENVER_CHANGESET,
  XENVER_EXTRAVERSION,
  XENVER_GET_FEATURES,
  XENVER_GUEST_HANDLE,
  XENVER_PAGESIZE,
  XENVER_PLATFORM_PARAMETERS,
  XENVER_VERSION,
} from '../../../xen/abi.ts';
import { EFAULT, EINVAL, ENOSYS } from '../../../xen/errno.ts';
import { GRANT_TABLE_FRAMES, GRANT_TABLE_MFN } from '../layout.ts';
import type { Xen } from '../xen.ts';

/** xen_version(command, argument). */
export function xenVersion(xen: Xen, args: readonly number[]): number {
  const [command, argument] = args as [number, number];
  const text = (value: string): number => (xen.copy.writeString(argument, value) ? 0 : -EFAULT);
  switch (command) {
    case XENVER_VERSION:
      return XEN_VERSION;
    case XENVER_EXTRAVERSION:
      return text('.0-anillo');
    case XENVER_CAPABILITIES:
      return text(`${GUEST_MAGIC} `);
    case XENVER_CHANGESET:
      return text('unavailable');
    case XENVER_PLATFORM_PARAMETERS:
      return xen.copy.write(argument, HYPERVISOR_VIRT_START) ? 0 : -EFAULT;
    case XENVER_GET_FEATURES: {
      const submap = xen.copy.read(argument);
      if (submap === undefined) return -EFAULT;
      if (submap !== 0) return -EINVAL;
      return xen.copy.write(argument + 4, 1 << XENFEAT_MMU_PT_UPDATE_PRESERVE_AD) ? 0 : -EFAULT;
    }
    case XENVER_PAGESIZE:
      return 0x1000;
    case XENVER_GUEST_HANDLE:
      return xen.copy.writeWords(argument, [0, 0, 0, 0]) ? 0 : -EFAULT;
    default:
      xen.warn(`The guest used xen_version command ${command}, which is not available; it got ENOSYS.`);
      return -ENOSYS;
  }
}

/** physdev_op(command, argument): whether port instructions are emulated; no device is given away. */
export function physdevOp(xen: Xen, args: readonly number[]): number {
  const [command, argument] = args as [number, number];
  if (command === PHYSDEVOP_SET_IOPL) {
    const level = xen.copy.read(argument);
    if (level === undefined) return -EFAULT;
    if (level > 3) return -EINVAL;
    xen.state.iopl = level;
    return 0;
  }
  // User mode gets no ports whatever the bitmap says.
  if (command === PHYSDEVOP_SET_IOBITMAP) return 0;
  xen.warn(`The guest used physdev_op command ${command}, which is not available; it got ENOSYS.`);
  return -ENOSYS;
}

/** vm_assist(command, type). */
export function vmAssist(xen: Xen, args: readonly number[]): number {
  const [command, type] = args as [number, number];
  if (command === VMASST_CMD_DISABLE) return 0;
  const names: Record<number, string> = {
    [VMASST_TYPE_4GB_SEGMENTS]: '4gb_segments',
    [VMASST_TYPE_WRITABLE_PAGETABLES]: 'writable_pagetables',
  };
  xen.warn(`The guest asked for vm_assist ${names[type] ?? type}, which is not available; it got ENOSYS.`);
  return -ENOSYS;
}

const GNTST_OKAY = 0;
const GNTST_GENERAL_ERROR = -1;
const GNTST_BAD_DOMAIN = -2;
const STATUS_MASK = 0xffff;

/**
 * grant_table_op(command, list, count): a domain has its table and may write grants into it, but there is no other domain
 * to make use of them, nor one whose grants could be mapped.
 */
export function grantTableOp(xen: Xen, args: readonly number[]): number {
  const [command, list, count] = args as [number, number, number];
  if (command === GNTTABOP_SETUP_TABLE) return count === 1 ? setupGrantTable(xen, list) : -EINVAL;
  if (command === GNTTABOP_QUERY_SIZE) {
    const answer = [GRANT_TABLE_FRAMES, GRANT_TABLE_FRAMES, GNTST_OKAY];
    return xen.copy.writeWords(list + 4, answer) ? 0 : -EFAULT;
  }
  xen.warn(`The guest used grant_table_op command ${command}, but there is no other domain; it got ENOSYS.`);
  return -ENOSYS;
}

/** {domain u16, frames u32, status s16, list}: the frames of the table. */
function setupGrantTable(xen: Xen, argument: number): number {
  const words = xen.copy.readWords(argument, 4);
  if (words === undefined) return -EFAULT;
  const [domain, frames, , list] = words as [number, number, number, number];
  let status = GNTST_OKAY;
  if ((domain & 0xffff) !== DOMID_SELF) status = GNTST_BAD_DOMAIN;
  else if (frames > GRANT_TABLE_FRAMES) status = GNTST_GENERAL_ERROR;
  else {
    const numbers = Array.from({ length: frames }, (_, i) => GRANT_TABLE_MFN + i);
    if (!xen.copy.writeWords(list, numbers)) return -EFAULT;
  }
  return xen.copy.write(argument + 8, status & STATUS_MASK, 2) ? 0 : -EFAULT;
}
