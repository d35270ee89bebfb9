// npm run bench [interpreter|startup …]: performance as ratios measured side by side in one run.
export {};
const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  interpreter: async () => (await import('./interpreter.ts')).benchInterpreter(),
  startup: async () => (await import('./startup.ts')).benchStartup(),
};

const chosen = process.argv.slice(2);
for (const name of chosen.length > 0 ? chosen : Object.keys(BENCHES)) {
  const bench = BENCHES[name];
  if (!bench) {
    console.error(`bench ${name} is unknown: choose ${Object.keys(BENCHES).join(', ')}.`);
    process.exit(2);
  }
  await bench();
}
