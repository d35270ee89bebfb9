// Loaded before the command (node --import): kills it with SIGKILL before the file-system step whose number is in KILL_AT.
// Steps are the calls that change the computer's files.
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
let step = 0;

for (const name of STEPS) {
  const original = fs[name];
  fs[name] = (...args) => {
    // output of the command is no step
    if (/^write(Sync|v)?$/.test(name) && args[0] < 3) return original(...args);
    step++;
    if (step === last) process.kill(process.pid, 'SIGKILL');
    return original(...args);
  };
}
syncBuiltinESMExports();
