// The other half of the million random programs of streams-even.slow.test.ts.
import { checkStreams } from './slow-streams.ts';

checkStreams(1);
