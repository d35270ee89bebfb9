// ioctl(2): what every open file knows; the rest is the file's own (ioctl_list(2), ioctl_fs(2)).
import { FIONREAD } from '../../abi/ioctl.ts';
import { O_NONBLOCK } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { setAsync } from '../vfs/async.ts';
import type { Call, CallResult } from './call.ts';

const FIONBIO = 0x5421;
const FIONCLEX = 0x5450;
const FIOCLEX = 0x5451;
const FIOASYNC = 0x5452;

/** ioctl(2). @throws SystemError EBADF, ENOTTY */
export function ioctl(call: Call): CallResult {
  const file = call.file(0);
  const [request, argument] = [call.arg(1), call.arg(2)];
  switch (request) {
    case FIOCLEX:
    case FIONCLEX:
      call.task.files.setCloseOnExec(call.arg(0), request === FIOCLEX);
      return 0;
    case FIONBIO:
      file.flags = call.readWord(argument, 4) === 0 ? file.flags & ~O_NONBLOCK : file.flags | O_NONBLOCK;
      return 0;
    case FIOASYNC: {
      const isOn = call.readWord(argument, 4) !== 0;
      return setAsync(call.kernel, call.task, file, call.arg(0), isOn) ? 0 : fail('ENOTTY');
    }
    case FIONREAD:
      if (!file.inode.isRegular) return file.ioctl(call, request, argument);
      call.writeWord(argument, file.inode.size - file.offset, 4);
      return 0;
    default:
      return file.ioctl(call, request, argument);
  }
}
