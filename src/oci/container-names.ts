// Names for containers that were given none: a mood and somebody who made machines, kernels or hypervisors what they are.

const MOODS =
  `able brave bright busy calm clever cool eager fair fast fine fond frank free fresh glad good grand great happy
  hardy jolly keen kind lively lucky mellow merry neat nice noble open patient plain proud quick quiet ready sharp silent
  simple smart solid steady strong sunny sure swift tender tidy vivid warm wise witty`.split(/\s+/);
const PEOPLE =
  `adair agesen allen amdahl babbage backus bartlett berners boole brooks cerf codd corbato creasy cutler daley
  dijkstra dongarra eckert engelbart floyd goldberg goldstine gosling haibt hamilton hamming hoare holberton hopper huffman
  iverson joy karp kay kernighan kilburn kildall knuth lamport lampson liskov lovelace mauchly mccarthy mcilroy metcalfe
  mockapetris moore naur neumann nygaard organick parnas perlis popek postel pratt rashid ritchie rosenblum saltzer sammet
  shannon stallman stroustrup sutherland tanenbaum tarjan thompson torvalds turing waldspurger wilkes wirth zuse`.split(
    /\s+/,
  );

/** A name out of random numbers below 1; further attempts get a number behind it. */
export function containerName(random: () => number, isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!;
    const name = `${pick(MOODS)}_${pick(PEOPLE)}${attempt === 0 ? '' : attempt}`;
    if (!isTaken(name)) return name;
  }
}
