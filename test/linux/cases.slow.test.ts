// The short programs of cases.test.ts compiled for i386.
import { testCases } from './compare-cases.ts';

testCases('i386');
