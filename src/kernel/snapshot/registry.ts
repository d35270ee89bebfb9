// What a snapshot names instead of storing: the classes, functions and constants of the program. Every module registers its
// own when it is loaded; the build writes these calls (src/build/savable.ts).

/** Makes a function that remembers variables again, and gives what sets them. */
export type Factory = () => readonly [made: object, remember: (values: readonly unknown[]) => void];

/** A function with what it remembers. */
export interface Captured {
  readonly $make: Factory;
  readonly $captures: () => readonly unknown[];
}

/** Something that can be in a snapshot under its name, if its source text is the same. */
export interface Registered<T> {
  readonly value: T;
  readonly hash: string;
}

/** A class, as far as the saver needs it. */
export interface SavedClass {
  readonly prototype: object;
  /** Fields that hold what is the host's: they are not saved, and undefined after a load. */
  readonly unsaved?: readonly string[];
}

/** Classes by name. */
export const classes = new Map<string, Registered<SavedClass>>();
/** Makers of functions by name. */
export const factories = new Map<string, Registered<Factory>>();
/** Constants and functions of modules by name. */
export const values = new Map<string, unknown>();

/** Marks a function that remembers variables. */
export function capture<F extends object>(made: F, make: Factory, captures: () => readonly unknown[]): F {
  const marked = made as F & { $make: Factory; $captures: () => readonly unknown[] };
  marked.$make = make;
  marked.$captures = captures;
  return made;
}

/** A module was loaded. */
export function register(
  module: string,
  moduleClasses: Readonly<Record<string, readonly [value: SavedClass, hash: string]>>,
  moduleValues: Readonly<Record<string, unknown>>,
  closures: readonly (readonly [make: Factory, hash: string])[],
): void {
  for (const [name, [value, hash]] of Object.entries(moduleClasses)) classes.set(`${module}:${name}`, { value, hash });
  for (const [name, value] of Object.entries(moduleValues)) values.set(`${module}:${name}`, value);
  closures.forEach(([value, hash], number) => {
    factories.set(`${module}#${number}`, { value, hash });
  });
}
