// Makes a saved graph of objects again: all of them empty first, then what is in them. The file may be anybody's: it names
// classes, constants and functions of the program and never brings its own, and every number in it is doubted.
import { ByteReader, DamagedBytes } from './bytes.ts';
import { Constants } from './constants.ts';
import { BARE, GRAPH_FORMAT, HEAD, HOST, PLAIN, VALUE, VIEWS } from './format.ts';
import { classes, factories } from './registry.ts';

/** A graph cannot be used here; the message is one full sentence. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
}

/** Longest array with elements that are not there. */
const LONGEST_ARRAY = 1 << 26;

interface Shape {
  readonly prototype: object | null;
  readonly keys: readonly string[];
  /** No key is a property of the prototype: plain assignment makes it. */
  readonly isSimple: boolean;
}

/** What all kinds of views have in common. */
type ViewConstructor = new (buffer: ArrayBuffer, offset: number, length: number) => object;

/** Fills an object that was made. */
type Filler = (body: ByteReader) => void;

/** Reads what `saveGraph` wrote; `host` is what the names of the host's things stand for. @throws LoadError */
export function loadGraph(bytes: Uint8Array, host: ReadonlyMap<string, object> = new Map()): object {
  try {
    return new Loader(new ByteReader(bytes), host).load();
  } catch (error) {
    if (error instanceof DamagedBytes || error instanceof RangeError || error instanceof TypeError)
      throw new LoadError(`The saved state is damaged: ${error.message}.`, { cause: error });
    throw error;
  }
}

class Loader {
  readonly #in: ByteReader;
  readonly #host: ReadonlyMap<string, object>;
  readonly #constants = new Constants();
  readonly #strings: string[] = [];
  readonly #shapes: Shape[] = [];
  readonly #objects: object[] = [];
  readonly #fillers: (Filler | undefined)[] = [];
  /** Views, which need their buffers to be made. */
  readonly #later: (() => void)[] = [];
  /** Numbers of weak references. */
  readonly #references: number[] = [];

  constructor(input: ByteReader, host: ReadonlyMap<string, object>) {
    this.#in = input;
    this.#host = host;
  }

  load(): object {
    const format = this.#in.count();
    if (format !== GRAPH_FORMAT)
      throw new LoadError(`The saved state has format ${format}, this version of anillo reads format ${GRAPH_FORMAT}.`);
    for (let n = this.#in.countOfThings(); n > 0; n--) this.#strings.push(this.#in.text());
    this.#readShapes(this.#in.count(), new ByteReader(this.#in.block()));
    const count = this.#in.count();
    this.#readHeads(count, new ByteReader(this.#in.block()));
    for (const make of this.#later) make();
    this.#makeReferences(new ByteReader(this.#in.block()));
    const bodies = new ByteReader(this.#in.block());
    for (const fill of this.#fillers) fill?.(bodies);
    if (bodies.left > 0) throw new DamagedBytes('it holds more than its objects');
    this.#readWeakEntries(this.#in.count(), new ByteReader(this.#in.block()));
    return this.#object(0);
  }

  #readShapes(count: number, input: ByteReader): void {
    if (count > input.left) throw new DamagedBytes('it counts more shapes than it has');
    for (let n = 0; n < count; n++) {
      const prototype = this.#prototype(this.#string(input.count()));
      const keys = Array.from({ length: input.countOfThings() }, () => this.#string(input.count()));
      const isSimple = prototype === null || keys.every((key) => !(key in prototype));
      this.#shapes.push({ prototype, keys, isSimple });
    }
  }

  #prototype(name: string): object | null {
    if (name === PLAIN) return Object.prototype;
    if (name === BARE) return null;
    return this.#registered(classes, name, 'The class').prototype;
  }

  #registered<T>(from: ReadonlyMap<string, { value: T; hash: string }>, text: string, what: string): T {
    const [name = '', hash] = text.split('@');
    const found = from.get(name);
    if (found !== undefined && found.hash === hash) return found.value;
    const there = found === undefined ? 'is not there' : 'is not the same';
    throw new LoadError(
      `The state was saved by another version of anillo: ${what.toLowerCase()} ${name.slice(0, 200)} ${there} in this one.`,
    );
  }

  #readHeads(count: number, input: ByteReader): void {
    if (count > input.left) throw new DamagedBytes('it counts more objects than it has');
    for (let id = 0; id < count; id++) this.#readHead(id, input);
    if (input.left > 0) throw new DamagedBytes('it has more objects than it counts');
  }

  #readHead(id: number, input: ByteReader): void {
    const kind = input.byte();
    switch (kind) {
      case HEAD.named:
        this.#put(id, this.#named(this.#string(input.count())));
        break;
      case HEAD.record:
        this.#makeRecord(id, this.#shapes[input.count()]);
        break;
      case HEAD.array:
        this.#makeArray(id, input.count());
        break;
      case HEAD.map:
        this.#makeMap(id, input.count());
        break;
      case HEAD.set:
        this.#makeSet(id, input.count());
        break;
      case HEAD.buffer:
        this.#put(id, input.block().slice().buffer);
        break;
      case HEAD.view:
        this.#makeView(id, input);
        break;
      case HEAD.closure:
        this.#makeClosure(id, this.#string(input.count()), input.count());
        break;
      case HEAD.weakMap:
        this.#put(id, new WeakMap());
        break;
      case HEAD.weakRef:
        this.#references.push(id);
        break;
      default:
        throw new DamagedBytes(`it holds an object of kind ${kind}`);
    }
  }

  #put(id: number, object: object, fill?: Filler): void {
    this.#objects[id] = object;
    this.#fillers[id] = fill;
  }

  #named(name: string): object {
    if (name.startsWith(HOST)) {
      const provided = this.#host.get(name.slice(HOST.length));
      if (provided !== undefined) return provided;
      throw new LoadError(`The state needs ${name.slice(HOST.length, 200)}, which was not provided.`);
    }
    const constant = this.#constants.find(name);
    if (constant === undefined || typeof constant === 'symbol')
      throw new LoadError(
        `The state was saved by another version of anillo: ${name.slice(0, 200)} is not there in this one.`,
      );
    return constant;
  }

  #makeRecord(id: number, shape: Shape | undefined): void {
    if (shape === undefined) throw new DamagedBytes('an object has no shape');
    const { prototype, keys, isSimple } = shape;
    const object = prototype === Object.prototype ? {} : (Object.create(prototype) as object);
    const record = object as Record<string, unknown>;
    this.#put(id, object, (body) => {
      for (const key of keys) {
        const value = this.#value(body);
        if (isSimple) record[key] = value;
        else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
      }
    });
  }

  #makeArray(id: number, length: number): void {
    if (length > LONGEST_ARRAY) throw new DamagedBytes('an array is too long');
    const array: unknown[] = [];
    this.#put(id, array, (body) => {
      for (let n = 0; n < length; ) {
        const kind = body.byte();
        if (kind !== VALUE.holes) array[n++] = this.#valueOf(kind, body);
        else n += Math.max(1, body.count());
      }
      array.length = length;
    });
  }

  #makeMap(id: number, size: number): void {
    const map = new Map<unknown, unknown>();
    this.#put(id, map, (body) => {
      for (let n = 0; n < size; n++) {
        const key = this.#value(body);
        map.set(key, this.#value(body));
      }
    });
  }

  #makeSet(id: number, size: number): void {
    const set = new Set<unknown>();
    this.#put(id, set, (body) => {
      for (let n = 0; n < size; n++) set.add(this.#value(body));
    });
  }

  #makeView(id: number, input: ByteReader): void {
    const kind = VIEWS[input.count()] as ViewConstructor | undefined;
    const [buffer, offset, length] = [input.count(), input.count(), input.count()];
    if (kind === undefined) throw new DamagedBytes('a view is of an unknown kind');
    this.#later.push(() => {
      const of = this.#object(buffer);
      if (!(of instanceof ArrayBuffer)) throw new DamagedBytes('a view is of something else than bytes');
      this.#put(id, new kind(of, offset, length));
    });
  }

  #makeClosure(id: number, name: string, count: number): void {
    const [made, remember] = this.#registered(factories, name, 'The function')();
    this.#put(id, made, (body) => {
      if (count > body.left) throw new DamagedBytes('it ends too early');
      remember(Array.from({ length: count }, () => this.#value(body)));
    });
  }

  /** A dead reference is one to an object that nobody else has: it will die. */
  #makeReferences(input: ByteReader): void {
    const targets = this.#references.map(() => input.count());
    this.#references.forEach((id, n) => {
      const target = targets[n]!;
      this.#put(id, new WeakRef(target === 0 ? {} : this.#object(target - 1)));
    });
  }

  #readWeakEntries(count: number, input: ByteReader): void {
    for (let n = 0; n < count; n++) {
      const map = this.#object(input.count());
      const key = this.#object(input.count());
      if (!(map instanceof WeakMap)) throw new DamagedBytes('an entry is in no map');
      map.set(key, this.#value(input));
    }
  }

  #string(id: number): string {
    const text = this.#strings[id];
    if (text === undefined) throw new DamagedBytes('a string is missing');
    return text;
  }

  #object(id: number): object {
    const object = this.#objects[id];
    if (object === undefined) throw new DamagedBytes('an object is missing');
    return object;
  }

  #value(body: ByteReader): unknown {
    return this.#valueOf(body.byte(), body);
  }

  #valueOf(kind: number, body: ByteReader): unknown {
    switch (kind) {
      case VALUE.undefined:
        return undefined;
      case VALUE.null:
        return null;
      case VALUE.false:
        return false;
      case VALUE.true:
        return true;
      case VALUE.positive:
        return body.count();
      case VALUE.negative:
        return -body.count();
      case VALUE.double:
        return body.double();
      case VALUE.string:
        return this.#string(body.count());
      case VALUE.bigint:
        return readBigint(body);
      case VALUE.negativeBigint:
        return -readBigint(body);
      case VALUE.object:
        return this.#object(body.count());
      case VALUE.symbol:
        return this.#symbol(this.#string(body.count()));
      default:
        throw new DamagedBytes(`it holds a value of kind ${kind}`);
    }
  }

  #symbol(name: string): symbol {
    const symbol = this.#constants.find(name);
    if (typeof symbol === 'symbol') return symbol;
    throw new DamagedBytes('a symbol is missing');
  }
}

function readBigint(body: ByteReader): bigint {
  const digits = body.text();
  if (!/^[0-9a-f]{1,100000}$/.test(digits)) throw new DamagedBytes('a large number is no number');
  return BigInt(`0x${digits}`);
}
