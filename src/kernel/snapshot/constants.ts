// Names of everything that belongs to the program and not to its state: constants of modules, what is in them, functions and
// classes. A snapshot refers to these by name.
import { classes, values } from './registry.ts';

type Named = object | symbol;

/** Finds names of constants, and constants by their names. Made anew for every snapshot: modules are loaded on demand. */
export class Constants {
  readonly #names = new Map<Named, string>();
  readonly #values = new Map<string, Named>();
  /** Weak maps of modules: part of the state, though their modules hold them. */
  readonly weakMaps: (readonly [name: string, map: WeakMap<object, unknown>])[] = [];

  constructor() {
    const queue: [name: string, value: Named][] = [];
    for (const [name, { value }] of classes) {
      this.#add(name, value, queue);
      for (const [key, inner] of Object.entries(value)) this.#add(`${name}.${key}`, inner, queue);
    }
    for (const [name, value] of values) this.#add(name, value, queue);
    for (let at = 0; at < queue.length; at++) this.#addContents(...queue[at]!, queue);
  }

  nameOf(value: Named): string | undefined {
    return this.#names.get(value);
  }

  find(name: string): Named | undefined {
    return this.#values.get(name);
  }

  #add(name: string, value: unknown, queue: [string, Named][]): void {
    const isNamed =
      (typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol';
    if (!isNamed || this.#names.has(value)) return;
    this.#names.set(value, name);
    this.#values.set(name, value);
    if (value instanceof WeakMap) this.weakMaps.push([name, value]);
    else queue.push([name, value]);
  }

  #addContents(name: string, value: Named, queue: [string, Named][]): void {
    if (typeof value !== 'object' || ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return;
    if (value instanceof Map) {
      for (const [key, inner] of value) {
        if (typeof key === 'object') continue;
        this.#add(`${name}.${String(key)}`, inner, queue);
      }
    } else if (!(value instanceof Set)) {
      for (const [key, inner] of Object.entries(value)) this.#add(`${name}.${key}`, inner, queue);
    }
  }
}
