// Loaded before the command (node --import): kills it with SIGKILL before the file-system step whose number is in KILL_AT.
// Steps are the calls that change the computer's files; with KILL_WHEN they are counted once there is a file of that name.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const STEPS = [
  'chmodSync',
  'fsyncSync',
  'linkSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'symlinkSync',
  'unlinkSync',
  'utimesSync',
  'write',
  'writeFileSync',
  'writeSync',
  'writev',
];
const last = Number(process.env.KILL_AT);
const begin = process.env.KILL_WHEN;
let step = 0;

for (const name of STEPS) {
  const original = fs[name];
  fs[name] = (...args) => {
    // output of the command is no step
    if (/^write(Sync|v)?$/.test(name) && args[0] < 3) return original(...args);
    if (begin === undefined || fs.existsSync(begin)) step++;
    if (step === last) process.kill(process.pid, 'SIGKILL');
    return original(...args);
  };
}
syncBuiltinESMExports();
