// Build step: writes asm/gen/ops.ts, costs.ts and tables.ts from the opcode table. Run: npx tsx src/build/generate.ts
// What the tables mean is said at the head of the generated tables.ts (text in src/isa/core-tables.ts).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateCoreTables } from '../isa/core-tables.ts';

const here = fileURLToPath(import.meta.url);

/** Writes the files into `directory`; leaves those alone that are already right. Returns the names written. */
export function generate(directory = join(dirname(here), '../../asm/gen')): string[] {
  mkdirSync(directory, { recursive: true });
  return Object.entries(generateCoreTables())
    .filter(([name, text]) => {
      const path = join(directory, name);
      if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
      writeFileSync(path, text);
      return true;
    })
    .map(([name]) => name);
}

if (process.argv[1] === here) generate();
