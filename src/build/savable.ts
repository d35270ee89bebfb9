// Makes the state of modules readable and restorable, as gVisor's go_stateify does for its sentry: a snapshot walks the
// objects of the kernel, and JavaScript hides two things from such a walk. Private names (#x) become properties named
// Class$x; functions that remember variables are marked with what they remember and with a factory that makes them again.
// All classes, functions and constants of a module are registered by name (src/kernel/snapshot/registry.ts). What a module
// does stays the same, and so do its lines.
import { createHash } from 'node:crypto';
import {
  type AnyNode,
  type ArrowFunctionExpression,
  type Class,
  type FunctionExpression,
  parse,
  type Program,
} from 'acorn';
import { analyze, type Reference, type ScopeManager } from 'eslint-scope';

type FunctionNode = FunctionExpression | ArrowFunctionExpression;

/** A function that may be stored: what of the source it replaces, and what it remembers. */
interface Closure {
  readonly node: FunctionNode;
  readonly number: number;
  readonly captures: readonly string[];
  readonly usesThis: boolean;
}

/** A part of the source that is written differently inside `factory`, or where it stands when that is undefined. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly render: (index: number, factory: FunctionNode | undefined) => string;
}

/** Functions given to these are called at once and forgotten. */
const CALL_AT_ONCE = new Set(
  `map filter some every find findIndex findLast findLastIndex sort toSorted forEach reduce flatMap from`.split(' '),
);
const VERSION = 2023;

/** Where names are declared that every call of a function has anew. */
const OUTSIDE_FUNCTIONS = new Set(['global', 'module', 'class']);

/**
 * Rewrites a module (JavaScript). `name` is what its things are registered under, `registry` how it imports the registry.
 * @throws SyntaxError
 */
export function makeSavable(code: string, name: string, registry: string): string {
  return new Rewriter(code, name).rewrite(registry);
}

class Rewriter {
  readonly #code: string;
  readonly #name: string;
  readonly #program: Program;
  readonly #scopes: ScopeManager;
  readonly #edits: Edit[] = [];
  readonly #closures: Closure[] = [];
  /** Nodes around the one that is looked at, outermost first. */
  readonly #path: AnyNode[] = [];
  /** Private names of the classes around it. */
  readonly #classes: { readonly name: string; readonly privates: ReadonlySet<string> }[] = [];
  /** Whose `this` an expression means. */
  readonly #owners = new Map<AnyNode, AnyNode | undefined>();
  #nameless = 0;

  constructor(code: string, name: string) {
    this.#code = code;
    this.#name = name;
    this.#program = parse(code, { ecmaVersion: VERSION, sourceType: 'module', ranges: true });
    // the two libraries describe the same tree in types of their own
    this.#scopes = analyze(this.#program as unknown as Parameters<typeof analyze>[0], {
      ecmaVersion: VERSION,
      sourceType: 'module',
    });
  }

  rewrite(registry: string): string {
    this.#visit(this.#program);
    this.#edits.sort((a, b) => a.start - b.start || b.end - a.end);
    const body = this.#render(0, 0, this.#code.length, undefined);
    const factories = this.#closures.map((closure) => this.#factory(closure));
    const prelude = `import { capture as $capture, register as $register } from ${JSON.stringify(registry)};`;
    return `${prelude}${body}\n${factories.join('\n')}\n${this.#registration()}\n`;
  }

  #visit(node: AnyNode): void {
    const isClass = node.type === 'ClassDeclaration' || node.type === 'ClassExpression';
    if (isClass) this.#classes.push(this.#privatesOf(node as Class));
    if (node.type === 'PrivateIdentifier') this.#renamePrivate(node);
    if (node.type === 'ThisExpression') this.#noteThis(node);
    this.#path.push(node);
    for (const child of childrenOf(node)) this.#visit(child);
    this.#path.pop();
    if (isClass) this.#classes.pop();
    // after its children: it has to know whose `this` is used in it
    if (node.type === 'ArrowFunctionExpression' || node.type === 'FunctionExpression') this.#noteFunction(node);
  }

  #privatesOf(node: Class): { name: string; privates: Set<string> } {
    const names = node.body.body.flatMap((member) =>
      'key' in member && member.key.type === 'PrivateIdentifier' ? [member.key.name] : [],
    );
    return { name: node.id?.name ?? `Nameless${this.#nameless++}`, privates: new Set(names) };
  }

  #renamePrivate(node: AnyNode & { type: 'PrivateIdentifier' }): void {
    const owner = this.#classes.findLast(({ privates }) => privates.has(node.name))!;
    const parent = this.#path.at(-1)!;
    const text = `${owner.name}$${node.name}`;
    const isBrand = parent.type === 'BinaryExpression';
    this.#edits.push({ start: node.start, end: node.end, render: () => (isBrand ? JSON.stringify(text) : text) });
  }

  #noteThis(node: AnyNode): void {
    const owner = this.#path.findLast(
      ({ type }) =>
        type === 'FunctionExpression' ||
        type === 'FunctionDeclaration' ||
        type === 'PropertyDefinition' ||
        type === 'StaticBlock',
    );
    this.#owners.set(node, owner);
    this.#edits.push({
      start: node.start,
      end: node.end,
      render: (_, factory) => (factory !== undefined && !isWithin(owner, factory) ? '$this' : 'this'),
    });
  }

  #noteFunction(node: FunctionNode): void {
    const parent = this.#path.at(-1)!;
    if (parent.type === 'MethodDefinition' || !this.#isMadeOften() || node.generator || node.async) return;
    if (isCalledAtOnce(parent, node)) return;
    const isMember = parent.type === 'Property' && parent.value === node;
    if (isMember && parent.kind !== 'init') return;
    const captured = this.#capturesOf(node);
    if (captured === undefined) return;
    const usesThis = [...this.#owners].some(([at, owner]) => isWithin(at, node) && !isWithin(owner, node));
    const closure = { node, number: this.#closures.length, captures: captured, usesThis };
    this.#closures.push(closure);
    if (isMember && parent.method) this.#editMethod(closure, parent);
    else
      this.#edits.push({
        start: node.start,
        end: node.end,
        render: (index, factory) => this.#wrapped(closure, index, factory),
      });
  }

  /** Inside a function, or in the initial value of a field: not once for the module. */
  #isMadeOften(): boolean {
    return this.#path.some(
      (node) =>
        node.type === 'FunctionDeclaration' ||
        node.type === 'FunctionExpression' ||
        node.type === 'ArrowFunctionExpression' ||
        (node.type === 'PropertyDefinition' && !node.static),
    );
  }

  /** Variables of the functions around it; undefined when it uses what cannot be moved. */
  #capturesOf(node: FunctionNode): readonly string[] | undefined {
    const scope = this.#scopes.acquire(node as unknown as Parameters<ScopeManager['acquire']>[0]);
    if (scope === null) return undefined;
    const names = new Set<string>();
    for (const { resolved } of scope.through as Reference[]) {
      if (resolved === null || OUTSIDE_FUNCTIONS.has(resolved.scope.type)) continue;
      // one that changes is shared with the function around, which a copy is not
      if (resolved.references.some((reference) => reference.isWrite() && !reference.init)) return undefined;
      names.add(resolved.name);
    }
    if (names.has('arguments') || contains(node, 'Super') || contains(node, 'MetaProperty')) return undefined;
    return [...names];
  }

  #editMethod(closure: Closure, property: AnyNode & { type: 'Property' }): void {
    this.#edits.push({
      start: property.start,
      end: property.end,
      render: (index, factory) => {
        const key = this.#code.slice(property.key.start, property.key.end);
        return `${property.computed ? `[${key}]` : key}: ${this.#wrapped(closure, index, factory)}`;
      },
    });
  }

  #wrapped({ node, number, captures, usesThis }: Closure, index: number, factory: FunctionNode | undefined): string {
    const isMethod = node.type === 'FunctionExpression' && this.#code[node.start] === '(';
    const text = `${isMethod ? 'function ' : ''}${this.#render(index + 1, node.start, node.end, factory)}`;
    const thisIs = factory !== undefined && !isWithin(this.#thisOwner(node), factory) ? '$this' : 'this';
    return `$capture(${text}, $make${number}, () => [${[...captures, ...(usesThis ? [thisIs] : [])].join(', ')}])`;
  }

  /** Whose `this` an arrow function uses. */
  #thisOwner(node: FunctionNode): AnyNode | undefined {
    for (const [at, owner] of this.#owners) if (isWithin(at, node) && !isWithin(owner, node)) return owner;
    return undefined;
  }

  /** A function that makes the closure again, and one that sets what it remembers. */
  #factory(closure: Closure): string {
    const { node, number, captures, usesThis } = closure;
    const names = [...captures, ...(usesThis ? ['$this'] : [])].join(', ');
    const index = this.#edits.findIndex(({ start, end }) => start <= node.start && end === node.end);
    const text = this.#wrapped(closure, index, node);
    const variables = names === '' ? '' : `let ${names}; `;
    const set = names === '' ? '() => {}' : `($values) => { [${names}] = $values; }`;
    return `function $make${number}() { ${variables}return [${text}, ${set}]; }`;
  }

  #render(first: number, start: number, end: number, factory: FunctionNode | undefined): string {
    let out = '';
    let at = start;
    for (let index = first; index < this.#edits.length; index++) {
      const edit = this.#edits[index]!;
      if (edit.start >= end) break;
      if (edit.start < at) continue;
      out += this.#code.slice(at, edit.start) + edit.render(index, factory);
      at = edit.end;
    }
    return out + this.#code.slice(at, end);
  }

  #registration(): string {
    const classes: string[] = [];
    const values: string[] = [];
    for (const statement of this.#program.body) {
      const declaration =
        statement.type === 'ExportNamedDeclaration' && statement.declaration ? statement.declaration : statement;
      if (declaration.type === 'ClassDeclaration' && declaration.id)
        classes.push(`${declaration.id.name}: [${declaration.id.name}, ${this.#hash(declaration)}]`);
      else if (declaration.type === 'FunctionDeclaration' && declaration.id) values.push(declaration.id.name);
      else if (declaration.type === 'VariableDeclaration' && declaration.kind === 'const')
        for (const { id, init } of declaration.declarations) {
          if (id.type !== 'Identifier') continue;
          if (init?.type === 'ClassExpression') classes.push(`${id.name}: [${id.name}, ${this.#hash(declaration)}]`);
          else values.push(id.name);
        }
    }
    const closures = this.#closures.map(({ node, number }) => `[$make${number}, ${this.#hash(node)}]`);
    return `$register(${JSON.stringify(this.#name)}, { ${classes.join(', ')} }, { ${values.join(', ')} }, [${closures.join(', ')}]);`;
  }

  /** Another text, another hash: state is only understood by the code that made it. */
  #hash({ start, end }: { start: number; end: number }): string {
    const text = this.#code.slice(start, end);
    return JSON.stringify(createHash('sha256').update(text).digest('hex').slice(0, 16));
  }
}

function* childrenOf(node: AnyNode): Iterable<AnyNode> {
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child === 'object' && child !== null && typeof (child as AnyNode).type === 'string')
        yield child as AnyNode;
  }
}

function contains(node: AnyNode, type: string): boolean {
  return node.type === type || [...childrenOf(node)].some((child) => contains(child, type));
}

/** True when a node is another, or in it. */
function isWithin(node: { start: number; end: number } | undefined, outer: { start: number; end: number }): boolean {
  return node !== undefined && node.start >= outer.start && node.end <= outer.end;
}

function isCalledAtOnce(parent: AnyNode, node: FunctionNode): boolean {
  if (parent.type !== 'CallExpression') return false;
  if (parent.callee === node) return true;
  const { callee } = parent;
  return (
    callee.type === 'MemberExpression' &&
    callee.property.type === 'Identifier' &&
    CALL_AT_ONCE.has(callee.property.name)
  );
}
