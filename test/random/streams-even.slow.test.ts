// Half a million random programs; the other half is in streams-odd.slow.test.ts, so that two workers share them.
import { checkStreams } from './slow-streams.ts';

checkStreams(0);
