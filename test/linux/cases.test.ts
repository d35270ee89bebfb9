// Short programs of one behaviour each do here what they did on Linux (npm run record-linux); those for i386 are in
// cases.slow.test.ts.
import { testCases } from './compare-cases.ts';

testCases('amd64');
