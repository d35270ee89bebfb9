// A root file system of Debian bookworm for i386 in containers.
import { testDebian } from './debian/suite.ts';

await testDebian('i386');
