// A root file system of Debian bookworm for amd64 in containers.
import { testDebian } from './debian/suite.ts';

await testDebian('amd64');
