// Walks a graph of objects and writes it down. Constants of the program and what the host provides go in by name; whatever
// cannot be told apart from them by its class is an error that says where it was found, so that nothing is lost silently.
import { ByteWriter } from './bytes.ts';
import { Constants } from './constants.ts';
import { BARE, GRAPH_FORMAT, HEAD, HOST, PLAIN, VALUE, VIEWS } from './format.ts';
import { type Captured, classes, factories } from './registry.ts';

/** Something cannot be saved; the message says what and where it is. */
export class UnsavableError extends Error {
  override readonly name = 'UnsavableError';
  readonly code = 'unsavable';
}

/** Properties that engines give errors. */
const OF_ENGINE = new Set(['stack']);

/** Writes `root` and all it leads to. `host` names what is provided again at the restore. @throws UnsavableError */
export function saveGraph(root: object, host: ReadonlyMap<object, string> = new Map()): Uint8Array {
  return new Saver(host).save(root);
}

class Saver {
  readonly #host: ReadonlyMap<object, string>;
  readonly #constants = new Constants();
  readonly #heads = new ByteWriter();
  readonly #bodies = new ByteWriter();
  readonly #ids = new Map<object, number>();
  readonly #objects: object[] = [];
  /** For every object the one that led to it, and by what. */
  readonly #parents: number[] = [];
  readonly #edges: (string | number)[] = [];
  readonly #strings = new Map<string, number>();
  readonly #shapes = new Map<string, number>();
  readonly #shapeTable = new ByteWriter();
  readonly #classNames = new Map<object | null, string>([
    [Object.prototype, PLAIN],
    [null, BARE],
  ]);
  /** Properties that are not saved, by prototype. */
  readonly #unsaved = new Map<object | null, ReadonlySet<string>>();
  readonly #factoryNames = new Map<unknown, string>();
  readonly #weakMaps: WeakMap<object, unknown>[] = [];
  readonly #weakEntries = new ByteWriter();
  /** Keys of weak maps whose entries were written. */
  readonly #written = new Map<object, Set<number>>();
  #weakCount = 0;
  #current = 0;

  constructor(host: ReadonlyMap<object, string>) {
    this.#host = host;
    for (const [name, { value, hash }] of classes) {
      this.#classNames.set(value.prototype, `${name}@${hash}`);
      if (value.unsaved !== undefined) this.#unsaved.set(value.prototype, new Set(propertiesOf(name, value.unsaved)));
    }
    for (const [name, { value, hash }] of factories) this.#factoryNames.set(value, `${name}@${hash}`);
  }

  save(root: object): Uint8Array {
    this.#idOf(root, 'state');
    // of weak maps that modules hold: there is no path to them
    for (const [, map] of this.#constants.weakMaps) this.#idOf(map, 'module');
    let done = 0;
    do {
      for (; done < this.#objects.length; done++) this.#write(done);
    } while (this.#writeWeakEntries());
    const out = new ByteWriter();
    out.count(GRAPH_FORMAT);
    out.count(this.#strings.size);
    for (const text of this.#strings.keys()) out.text(text);
    out.count(this.#shapes.size);
    out.block(this.#shapeTable.done());
    out.count(this.#objects.length);
    out.block(this.#heads.done());
    out.block(this.#weakReferences());
    out.block(this.#bodies.done());
    out.count(this.#weakCount);
    out.block(this.#weakEntries.done());
    return out.done().slice();
  }

  /** Entries whose keys are there for another reason. True when that led to new objects. */
  #writeWeakEntries(): boolean {
    const before = this.#objects.length;
    for (const map of this.#weakMaps) {
      const written = this.#written.get(map) ?? new Set();
      this.#written.set(map, written);
      for (let id = 0; id < before; id++) {
        const key = this.#objects[id]!;
        if (!map.has(key) || written.has(id)) continue;
        written.add(id);
        this.#current = id;
        this.#weakCount++;
        this.#weakEntries.count(this.#ids.get(map)!);
        this.#weakEntries.count(id);
        this.#value(this.#weakEntries, map.get(key), '(weak)');
      }
    }
    return this.#objects.length > before;
  }

  #idOf(value: object, edge: string | number): number {
    const known = this.#ids.get(value);
    if (known !== undefined) return known;
    const id = this.#objects.length;
    this.#ids.set(value, id);
    this.#objects.push(value);
    this.#parents.push(this.#current);
    this.#edges.push(edge);
    return id;
  }

  #string(text: string): number {
    let id = this.#strings.get(text);
    if (id === undefined) {
      id = this.#strings.size;
      this.#strings.set(text, id);
    }
    return id;
  }

  /** Head and body of one object. */
  #write(id: number): void {
    this.#current = id;
    const object = this.#objects[id]!;
    const name = this.#nameOf(object);
    if (name !== undefined) this.#head(HEAD.named, this.#string(name));
    else if (Array.isArray(object)) this.#array(object);
    else if (object instanceof Map) this.#map(object);
    else if (object instanceof Set) this.#set(object);
    else if (object instanceof ArrayBuffer) this.#buffer(new Uint8Array(object));
    else if (ArrayBuffer.isView(object)) this.#view(object);
    else if (object instanceof WeakRef) this.#head(HEAD.weakRef);
    else if (object instanceof WeakMap) this.#head(HEAD.weakMap);
    else if (typeof object === 'function') this.#closure(object as unknown as Captured);
    else this.#record(object);
    if (object instanceof WeakMap) this.#weakMaps.push(object);
  }

  #nameOf(value: object): string | undefined {
    const host = this.#host.get(value);
    return host === undefined ? this.#constants.nameOf(value) : HOST + host;
  }

  #head(kind: number, ...numbers: readonly number[]): void {
    this.#heads.byte(kind);
    for (const number of numbers) this.#heads.count(number);
  }

  #array(array: readonly unknown[]): void {
    this.#head(HEAD.array, array.length);
    for (let n = 0; n < array.length; n++) {
      let holes = 0;
      while (n + holes < array.length && !(n + holes in array)) holes++;
      if (holes === 0) this.#value(this.#bodies, array[n], n);
      else {
        this.#bodies.byte(VALUE.holes);
        this.#bodies.count(holes);
        n += holes - 1;
      }
    }
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    this.#head(HEAD.map, map.size);
    for (const [key, value] of map) {
      this.#value(this.#bodies, key, '(key)');
      this.#value(this.#bodies, value, typeof key === 'object' ? '(value)' : String(key));
    }
  }

  #set(set: ReadonlySet<unknown>): void {
    this.#head(HEAD.set, set.size);
    let n = 0;
    for (const value of set) this.#value(this.#bodies, value, n++);
  }

  #buffer(bytes: Uint8Array): void {
    this.#heads.byte(HEAD.buffer);
    this.#heads.block(bytes);
  }

  #view(view: ArrayBufferView): void {
    const type = VIEWS.findIndex(({ prototype }) => Object.getPrototypeOf(view) === prototype);
    if (type >= 0) {
      const buffer = this.#idOf(view.buffer, 'buffer');
      const length = 'length' in view ? (view.length as number) : view.byteLength;
      this.#head(HEAD.view, type, buffer, view.byteOffset, length);
      return;
    }
    // the host's kind of bytes, with a buffer it may use for more: a copy
    if (!(view instanceof Uint8Array)) throw this.#unsavable('a view of an unknown kind');
    this.#head(HEAD.view, 0, this.#idOf(Uint8Array.from(view).buffer, 'buffer'), 0, view.length);
  }

  /** Weak references lead to what is there for another reason; others are dead, whatever the host's memory still has. */
  #weakReferences(): Uint8Array {
    const out = new ByteWriter();
    this.#objects.forEach((object) => {
      if (!(object instanceof WeakRef) || this.#nameOf(object) !== undefined) return;
      const target = object.deref() as object | undefined;
      const id = target === undefined ? undefined : this.#ids.get(target);
      out.count(id === undefined ? 0 : id + 1);
    });
    return out.done();
  }

  #closure(closure: Captured & { readonly name?: string }): void {
    const factory = this.#factoryNames.get(closure.$make);
    if (factory === undefined) throw this.#unsavable(`the function ${closure.name || 'without a name'}`);
    const captures = closure.$captures();
    this.#head(HEAD.closure, this.#string(factory), captures.length);
    captures.forEach((value, n) => {
      this.#value(this.#bodies, value, n);
    });
  }

  #record(object: object): void {
    const prototype = Object.getPrototypeOf(object) as object | null;
    const className = this.#classNames.get(prototype);
    if (className === undefined)
      throw this.#unsavable(`an object of the class ${prototype?.constructor?.name ?? '(none)'}`);
    const unsaved = this.#unsaved.get(prototype) ?? OF_ENGINE;
    const keys = Object.keys(object).filter((key) => !unsaved.has(key));
    this.#head(HEAD.record, this.#shape(object, className, keys));
    const record = object as Readonly<Record<string, unknown>>;
    for (const key of keys) this.#value(this.#bodies, record[key], key);
  }

  #shape(object: object, className: string, keys: readonly string[]): number {
    const text = `${className}\0${keys.join('\0')}`;
    let shape = this.#shapes.get(text);
    if (shape !== undefined) return shape;
    for (const key of keys)
      if (!('value' in Object.getOwnPropertyDescriptor(object, key)!))
        throw this.#unsavable(`a property ${key} that is computed`);
    if (Object.getOwnPropertySymbols(object).length > 0) throw this.#unsavable('a property named by a symbol');
    shape = this.#shapes.size;
    this.#shapes.set(text, shape);
    this.#shapeTable.count(this.#string(className));
    this.#shapeTable.count(keys.length);
    for (const key of keys) this.#shapeTable.count(this.#string(key));
    return shape;
  }

  #value(out: ByteWriter, value: unknown, edge: string | number): void {
    if (value === undefined) out.byte(VALUE.undefined);
    else if (value === null) out.byte(VALUE.null);
    else if (typeof value === 'boolean') out.byte(value ? VALUE.true : VALUE.false);
    else if (typeof value === 'number') writeNumber(out, value);
    else if (typeof value === 'bigint') writeBigint(out, value);
    else if (typeof value === 'string') this.#reference(out, VALUE.string, this.#string(value));
    else if (typeof value === 'symbol') this.#reference(out, VALUE.symbol, this.#symbol(value, edge));
    else this.#reference(out, VALUE.object, this.#idOf(value as object, edge));
  }

  #reference(out: ByteWriter, kind: number, id: number): void {
    out.byte(kind);
    out.count(id);
  }

  #symbol(symbol: symbol, edge: string | number): number {
    const name = this.#constants.nameOf(symbol);
    if (name === undefined) throw this.#unsavable(`${String(symbol)} as ${edge}`);
    return this.#string(name);
  }

  #unsavable(what: string): UnsavableError {
    const path: (string | number)[] = [];
    for (let at = this.#current; ; at = this.#parents[at]!) {
      path.push(this.#edges[at]!);
      if (at === 0 || path.length > 30) break;
    }
    return new UnsavableError(`The state holds ${what}, which cannot be saved, at ${path.reverse().join('.')}.`);
  }
}

/** The properties that a class calls by these names: private ones have the class's name before them. */
function propertiesOf(className: string, names: readonly string[]): string[] {
  return names.map((name) => name.replace(/^#/, `${className.split(':')[1]}$$`));
}

function writeNumber(out: ByteWriter, value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    out.byte(VALUE.double);
    out.double(value);
    return;
  }
  out.byte(value < 0 ? VALUE.negative : VALUE.positive);
  out.count(Math.abs(value));
}

function writeBigint(out: ByteWriter, value: bigint): void {
  out.byte(value < 0n ? VALUE.negativeBigint : VALUE.bigint);
  out.text((value < 0n ? -value : value).toString(16));
}
