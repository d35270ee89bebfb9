// Graphs of objects as bytes: what comes back, what is refused, and what a damaged or hostile file can do.
import fc from '../properties.ts';
import { describe, expect, test } from 'vitest';
import { RandomSource } from '../../src/kernel/random.ts';
import { PendingSignals } from '../../src/kernel/signal/signal-set.ts';
import { LoadError, loadGraph } from '../../src/kernel/snapshot/load.ts';
import { saveGraph } from '../../src/kernel/snapshot/save.ts';
import { DEFAULT_ACTION } from '../../src/kernel/task/thread-group.ts';
import { Timers } from '../../src/kernel/timers.ts';
import { NO_RESULT } from '../../src/kernel/syscalls/call.ts';

/** Five elements of which three are not there. */
function sparse(): number[] {
  const array = [1];
  array[3] = 4;
  array.length = 5;
  return array;
}

/** From a file as Node reads it. */
const again = <T extends object>(root: T): T => loadGraph(Buffer.from(saveGraph(root))) as T;

describe('a saved graph', () => {
  test('has all kinds of values', () => {
    const values = [
      undefined,
      null,
      true,
      false,
      0,
      -0,
      -7,
      2 ** 53 - 1,
      1.5,
      Number.NaN,
      -Infinity,
      'ä\0\ud83d\ude00',
      '',
    ];
    const root = { values, big: [0n, -5n, 2n ** 70n], symbol: NO_RESULT, holes: sparse() };
    const copy = again(root);
    expect(copy).toEqual(root);
    expect(Object.is(copy.values[5], -0)).toBe(true);
    expect(1 in copy.holes).toBe(false);
    expect(copy.holes.length).toBe(5);
  });

  test('has objects once, in circles, maps and sets, in their order', () => {
    const shared = { n: 1 };
    const root = {
      map: new Map<unknown, unknown>([
        [shared, 'a'],
        ['b', shared],
      ]),
      set: new Set([2, 1, shared]),
      self: {},
    };
    root.self = root;
    const copy = again(root);
    const [key] = copy.map.keys();
    expect(copy.map.get('b')).toBe(key);
    expect([...copy.set]).toEqual([2, 1, { n: 1 }]);
    expect(copy.set.has(key as typeof shared)).toBe(true);
    expect(copy.self).toBe(copy);
  });

  test('shares buffers among their views', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const copy = again({
      bytes,
      part: bytes.subarray(2, 4),
      words: new Uint16Array(bytes.buffer, 4),
      view: new DataView(bytes.buffer),
    });
    copy.bytes[2] = 9;
    expect([...copy.part]).toEqual([9, 4]);
    expect(copy.words[0]).toBe(0x0605);
    expect(copy.view.getUint8(2)).toBe(9);
    expect([...again({ buffer: Buffer.from('host') }).buffer]).toEqual([...Buffer.from('host')]);
  });

  test('has instances with what is private in them, and refers to constants by name', () => {
    const random = new RandomSource(3);
    random.next();
    const copy = again({ random, pending: new PendingSignals(), action: DEFAULT_ACTION });
    expect(copy.random).toBeInstanceOf(RandomSource);
    expect(copy.random).not.toBe(random);
    expect(copy.random.next()).toBe(random.next());
    expect(copy.pending).toBeInstanceOf(PendingSignals);
    expect(copy.action).toBe(DEFAULT_ACTION);
  });

  test('has the entries of weak maps whose keys are there', () => {
    const [here, gone] = [{ n: 1 }, { n: 2 }];
    const weak = new WeakMap<object, object>([
      [here, { of: 'here' }],
      [gone, { of: 'gone' }],
    ]);
    const copy = again({ here, weak, reference: new WeakRef(here) });
    expect(copy.weak.get(copy.here)).toEqual({ of: 'here' });
    expect(copy.reference.deref()).toBe(copy.here);
    expect(saveGraph(copy)).toEqual(saveGraph({ here, weak, reference: new WeakRef(here) }));
  });

  test('names what cannot be saved, and where it is', () => {
    class Stranger {}
    const at = (what: unknown) => () => saveGraph({ list: [{ timers: new Timers() }, { inner: what }] });
    expect(at(() => 1)).toThrow(/^The state holds the function .*, which cannot be saved, at state\.list\.1\.inner\.$/);
    expect(at(new Stranger())).toThrow('an object of the class Stranger');
    expect(at(Promise.resolve())).toThrow('an object of the class Promise');
    expect(
      at({
        get computed() {
          return 1;
        },
      }),
    ).toThrow('a property computed that is computed');
    expect(at(Symbol('mine'))).toThrow('Symbol(mine)');
  });

  test('finds what the host provides by its name, or says what is missing', () => {
    const console = { write: () => {} };
    const saved = saveGraph({ console }, new Map([[console, 'the console']]));
    const other = {};
    expect(loadGraph(saved, new Map([['the console', other]]))).toEqual({ console: other });
    expect(() => loadGraph(saved)).toThrow('The state needs the console, which was not provided.');
  });
});

describe('a file of somebody else', () => {
  const file = saveGraph({
    random: new RandomSource(1),
    holes: sparse(),
    list: ['x', 5n, new Map([[1, Uint8Array.of(1, 2)]]), new Set([1])],
  });

  const outcome = (bytes: Uint8Array): string => {
    try {
      loadGraph(bytes);
      return 'loaded';
    } catch (error) {
      if (error instanceof LoadError) return 'refused';
      throw error;
    }
  };

  test('is refused when it is cut short anywhere', () => {
    for (let length = 0; length < file.length; length++) expect(outcome(file.subarray(0, length))).toBe('refused');
  });

  test('is refused or loaded, whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const bytes = file.slice();
          for (const [at, value] of changes) bytes[at] = value;
          expect(['loaded', 'refused']).toContain(outcome(bytes));
        },
      ),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => ['loaded', 'refused'].includes(outcome(bytes))),
    );
  });

  test('does not reach prototypes', () => {
    const root = JSON.parse('{"__proto__": {"admin": true}, "constructor": 5}') as object;
    const copy = again(root);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect('admin' in copy).toBe(false);
    expect(Object.keys(copy)).toEqual(['__proto__', 'constructor']);
    expect('admin' in {}).toBe(false);
  });

  test('of other code is refused', () => {
    const name = Buffer.from(file).indexOf('kernel/random:RandomSource@') + 'kernel/random:RandomSource@'.length;
    const other = file.slice();
    other[name] = other[name] === 0x30 ? 0x31 : 0x30;
    expect(() => loadGraph(other)).toThrow(
      'The state was saved by another version of anillo: the class kernel/random:RandomSource is not the same in this one.',
    );
  });
});
