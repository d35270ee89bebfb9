// The rewritten module does what it did, and its state can be taken out and put back.
import { describe, expect, test } from 'vitest';
import { capture, classes, factories, register } from '../kernel/snapshot/registry.ts';
import { loadGraph } from '../kernel/snapshot/load.ts';
import { saveGraph } from '../kernel/snapshot/save.ts';
import { makeSavable } from './savable.ts';

/** Runs a module's text; gives the value of an expression in it. */
function evaluate(source: string, expression: string): unknown {
  const text = makeSavable(source, 'test/module', './registry.ts').replace(/^import [^;]*;/, '');
  const run = new Function('$capture', '$register', `${text}\nreturn ${expression};`);
  return run(capture, register);
}

const again = <T extends object>(root: T): T => loadGraph(saveGraph(root)) as T;

describe('a rewritten module', () => {
  test('keeps its lines', () => {
    const source = 'class A {\n  #x = 1;\n  get() { return () => this.#x; }\n}\nconst last = 1;\n';
    const lines = makeSavable(source, 'm', './r.ts').split('\n');
    expect(lines[4]).toBe('const last = 1;');
    expect(lines[1]).toBe('  A$x = 1;');
  });

  test('has private names of one class apart from those of another', () => {
    const source = `class A { #x = 1; first() { return this.#x; } is(o) { return #x in o; } }
      class B extends A { #x = 2; #twice() { return 2 * this.#x; } second() { return this.#twice(); } }`;
    const b = evaluate(source, 'new B()') as { first(): number; second(): number; is(o: object): boolean };
    const copy = again({ b }).b;
    expect([copy.first(), copy.second(), copy.is(copy), copy.is({})]).toEqual([1, 4, true, false]);
  });

  test('has functions with what they remember', () => {
    const source = `class Counter { n = 0; adder(by) { return () => { this.n += by; return this.n; }; } }
      const counter = new Counter();
      const make = (a) => (b) => (c) => [a, b, c].join('');
      const both = () => { const even = (n) => n === 0 || odd(n - 1); const odd = (n) => n !== 0 && even(n - 1); return even; };
      const maker = (x) => ({ x, plus(y) { return this.x + x + y; }, 'an arrow': () => x });`;
    const made = evaluate(
      source,
      `({ add: new Counter().adder(5), abc: make('a')('b'), even: both(), object: maker(2) })`,
    );
    const copy = again(made as object) as {
      add(): number;
      abc(c: string): string;
      even(n: number): boolean;
      object: { plus(y: number): number; 'an arrow'(): number };
    };
    expect([copy.add(), copy.add(), copy.abc('c'), copy.even(10), copy.even(7)]).toEqual([5, 10, 'abc', true, false]);
    expect([copy.object.plus(3), copy.object['an arrow']()]).toEqual([7, 2]);
    expect(again(again(made as object) as object)).toHaveProperty('add');
  });

  test('refuses to save a function whose variables change', () => {
    const source = 'function make() { let n = 0; return { up: () => ++n, get: () => n }; }';
    expect(() => saveGraph(evaluate(source, 'make()') as object)).toThrow('which cannot be saved, at state.up');
  });

  test('has other names when its text is another', () => {
    evaluate('class A { a = 1; }\nconst f = (x) => () => x;', 'A');
    const before = [classes.get('test/module:A')?.hash, factories.get('test/module#0')?.hash];
    evaluate('class A { a = 2; }\nconst f = (x) => () => x;', 'A');
    expect(classes.get('test/module:A')?.hash).not.toBe(before[0]);
    expect(factories.get('test/module#0')?.hash).toBe(before[1]);
  });
});
