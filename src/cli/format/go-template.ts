// Templates of Go's package text/template, as far as `--format` of docker(1) is used: actions with pipelines, if, range, with,
// variables, comments and trimming; the functions of text/template and those docker adds (docker docs, "Format command and
// log output").
import { type Expression, type Pipeline, type Token, tokens } from './go-tokens.ts';
import { functions, isTrue, printed, TemplateError } from './go-functions.ts';

/** What a template is applied to: JSON, or anything that looks like it. */
export type Value = unknown;

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | { readonly kind: 'set'; readonly name: string; readonly pipeline: Pipeline }
  | Branch;

interface Branch {
  readonly kind: 'if' | 'range' | 'with';
  /** Variables of a range: the value, or the index and the value. */
  readonly names: readonly string[];
  readonly pipeline: Pipeline;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** A template, ready to be applied to many values. */
export class GoTemplate {
  readonly #nodes: readonly Node[];

  /** @throws TemplateError */
  constructor(text: string) {
    this.#nodes = new Parser(pieces(text)).parse();
  }

  /** The text for one value. @throws TemplateError when the value has not what the template asks for */
  execute(value: Value): string {
    return new Execution(value).run(this.#nodes, value);
  }
}

type Piece = { readonly text: string } | { readonly action: readonly Token[] };

/** Text and actions in turn. `{{- ` and ` -}}` take the white space beside them away; an action may hold `}}` in quotes. */
function* pieces(template: string): Generator<Piece> {
  const action = /\{\{(- )?((?:"(?:[^"\\\n]|\\.)*"|`[^`]*`|\/\*[\s\S]*?\*\/|(?!\}\})[\s\S])*?)( -)?\}\}/y;
  let at = 0;
  let trims = false;
  for (;;) {
    const open = template.indexOf('{{', at);
    const text = open < 0 ? template.slice(at) : template.slice(at, open);
    action.lastIndex = open;
    const found = open < 0 ? undefined : (action.exec(template) ?? undefined);
    if (open >= 0 && !found) throw new TemplateError('an action is not closed with }}');
    const left = trims ? text.trimStart() : text;
    yield { text: found?.[1] === undefined ? left : left.trimEnd() };
    if (!found) return;
    yield { action: tokens(found[2]!) };
    trims = found[3] !== undefined;
    at = action.lastIndex;
  }
}

type Keyword = 'if' | 'range' | 'with' | 'else' | 'end';
const KEYWORDS: readonly string[] = ['if', 'range', 'with', 'else', 'end'];

class Parser {
  readonly #pieces: Iterator<Piece>;

  constructor(all: Iterable<Piece>) {
    this.#pieces = all[Symbol.iterator]();
  }

  parse(): readonly Node[] {
    const { nodes, closedBy } = this.#list();
    if (closedBy) throw new TemplateError(`{{${closedBy.word}}} closes nothing`);
    return nodes;
  }

  /** Nodes up to the end, an `else` or an `end`. */
  #list(): { nodes: readonly Node[]; closedBy?: { word: Keyword; rest: readonly Token[] } } {
    const nodes: Node[] = [];
    for (;;) {
      const { value: piece, done } = this.#pieces.next();
      if (done) return { nodes };
      if ('text' in piece) {
        if (piece.text !== '') nodes.push({ kind: 'text', text: piece.text });
        continue;
      }
      const [first, ...rest] = piece.action;
      const word = first?.kind === 'name' && KEYWORDS.includes(first.text) ? (first.text as Keyword) : undefined;
      if (word === 'else' || word === 'end') return { nodes, closedBy: { word, rest } };
      if (word !== undefined) nodes.push(this.#branch(word, rest));
      else if (first) nodes.push(simple(piece.action));
    }
  }

  #branch(kind: Branch['kind'], head: readonly Token[]): Branch {
    const { names, rest } = declared(head);
    const { nodes: body, closedBy } = this.#list();
    if (!closedBy) throw new TemplateError(`{{${kind}}} has no {{end}}`);
    return { kind, names, pipeline: new Pipelines(rest).all(), body, otherwise: this.#otherwise(kind, closedBy) };
  }

  #otherwise(kind: string, { word, rest }: { word: Keyword; rest: readonly Token[] }): readonly Node[] {
    if (word === 'end') return [];
    const [next, ...head] = rest;
    if (next?.kind === 'name' && (next.text === 'if' || next.text === 'with')) return [this.#branch(next.text, head)];
    const { nodes, closedBy } = this.#list();
    if (closedBy?.word !== 'end') throw new TemplateError(`{{${kind}}} has no {{end}}`);
    return nodes;
  }
}

/** `$a :=`, `$a, $b :=` or `$a =` in front of a pipeline. */
function declared(action: readonly Token[]): { names: readonly string[]; rest: readonly Token[] } {
  const sign = action.findIndex(({ kind, text }) => kind === 'sign' && (text === ':=' || text === '='));
  if (sign < 0) return { names: [], rest: action };
  const head = action.slice(0, sign);
  const names = head.filter(({ kind }) => kind === 'variable').map(({ text }) => text);
  if (names.length === 0 || head.length !== 2 * names.length - 1)
    throw new TemplateError('a declaration has no variable');
  return { names, rest: action.slice(sign + 1) };
}

function simple(action: readonly Token[]): Node {
  const { names, rest } = declared(action);
  const pipeline = new Pipelines(rest).all();
  return names.length === 0 ? { kind: 'print', pipeline } : { kind: 'set', name: names[0]!, pipeline };
}

/** Reads the pipelines of one action. */
class Pipelines {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  /** All that is left. */
  all(): Pipeline {
    const pipeline = this.#pipeline();
    const next = this.#tokens[this.#at];
    if (next) throw new TemplateError(`${next.text} is not expected`);
    return pipeline;
  }

  #pipeline(): Pipeline {
    const commands = [this.#command()];
    while (this.#takes('|')) commands.push(this.#command());
    return commands;
  }

  #takes(sign: string): boolean {
    const next = this.#tokens[this.#at];
    if (next?.kind !== 'sign' || next.text !== sign) return false;
    this.#at++;
    return true;
  }

  #command(): readonly Expression[] {
    const words: Expression[] = [];
    for (let word = this.#word(); word; word = this.#word()) words.push(word);
    if (words.length === 0) throw new TemplateError('a value is missing');
    return words;
  }

  #word(): Expression | undefined {
    const token = this.#tokens[this.#at];
    if (!token || (token.kind === 'sign' && token.text !== '(')) return undefined;
    this.#at++;
    if (token.kind !== 'sign') return this.#withPath(expression(token));
    const pipeline = this.#pipeline();
    if (!this.#takes(')')) throw new TemplateError('a parenthesis is not closed');
    return this.#withPath({ kind: 'pipeline', pipeline });
  }

  /** `.Name` without a space behind a variable or a parenthesis takes a field of it. */
  #withPath(of: Expression): Expression {
    const next = this.#tokens[this.#at];
    if (next?.kind !== 'field' || !next.isGlued) return of;
    this.#at++;
    return this.#withPath({ kind: 'field', of, names: next.text.split('.').filter(Boolean) });
  }
}

function expression({ kind, text }: Token): Expression {
  if (kind === 'field') return { kind: 'field', of: { kind: 'dot' }, names: text.split('.').filter(Boolean) };
  if (kind === 'literal') return { kind: 'literal', value: JSON.parse(text) as Value };
  if (kind === 'variable') return { kind: 'variable', name: text };
  return { kind: 'name', name: text };
}

/** One application of a template. */
class Execution {
  readonly #variables = new Map<string, Value>();

  constructor(root: Value) {
    this.#variables.set('$', root);
  }

  run(nodes: readonly Node[], dot: Value): string {
    let text = '';
    for (const node of nodes) {
      if (node.kind === 'text') text += node.text;
      else if (node.kind === 'print') text += printed(this.#evaluate(node.pipeline, dot));
      else if (node.kind === 'set') this.#variables.set(node.name, this.#evaluate(node.pipeline, dot));
      else text += node.kind === 'range' ? this.#range(node, dot) : this.#branch(node, dot);
    }
    return text;
  }

  #branch({ kind, names: [name], pipeline, body, otherwise }: Branch, dot: Value): string {
    const value = this.#evaluate(pipeline, dot);
    if (name !== undefined) this.#variables.set(name, value);
    if (!isTrue(value)) return this.run(otherwise, dot);
    return this.run(body, kind === 'with' ? value : dot);
  }

  #range({ names, pipeline, body, otherwise }: Branch, dot: Value): string {
    const value = this.#evaluate(pipeline, dot);
    if (value !== null && value !== undefined && typeof value !== 'object')
      throw new TemplateError(`range cannot go over ${printed(value)}`);
    // maps are gone through in the order of their keys
    const items: (readonly [Value, Value])[] = Array.isArray(value)
      ? value.map((item, n) => [n, item])
      : Object.entries(value ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    if (items.length === 0) return this.run(otherwise, dot);
    return items
      .map(([key, item]) => {
        if (names.length === 2) this.#variables.set(names[0]!, key);
        if (names.length > 0) this.#variables.set(names.at(-1)!, item);
        return this.run(body, item);
      })
      .join('');
  }

  #evaluate(pipeline: Pipeline, dot: Value): Value {
    let last: readonly Value[] = [];
    for (const [first, ...rest] of pipeline) {
      const args = rest.map((word) => this.#value(word, dot));
      last = [this.#command(first!, [...args, ...last], dot)];
    }
    return last[0];
  }

  #command(first: Expression, args: readonly Value[], dot: Value): Value {
    if (first.kind === 'name') return this.#call(first.name, args);
    if (args.length > 0) throw new TemplateError('a value that is no function has arguments');
    return this.#value(first, dot);
  }

  #call(name: string, args: readonly Value[]): Value {
    const called = functions.get(name);
    if (!called) throw new TemplateError(`there is no function ${name}`);
    return called(...args);
  }

  #value(word: Expression, dot: Value): Value {
    switch (word.kind) {
      case 'dot':
        return dot;
      case 'literal':
        return word.value;
      case 'variable':
        if (!this.#variables.has(word.name)) throw new TemplateError(`there is no variable ${word.name}`);
        return this.#variables.get(word.name);
      case 'field':
        return word.names.reduce(field, this.#value(word.of, dot));
      case 'pipeline':
        return this.#evaluate(word.pipeline, dot);
      case 'name':
        return this.#call(word.name, []);
    }
  }
}

/** A field of a structure; what a map has not is no value, as in Go. */
function field(of: Value, name: string): Value {
  if (of === null || of === undefined) throw new TemplateError(`nothing has a field ${name} there`);
  if (typeof of !== 'object') throw new TemplateError(`${printed(of)} has no field ${name}`);
  if (!Object.hasOwn(of, name)) throw new TemplateError(`there is no field ${name}`);
  return (of as Record<string, Value>)[name];
}
