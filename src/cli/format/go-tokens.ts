// The words of an action of a template, and what they are put together to (Go's text/template, "Arguments", "Pipelines").
import { TemplateError } from './go-functions.ts';

/** One word. */
export interface Token {
  /** A literal's text is JSON; a field's begins with a dot. */
  readonly kind: 'field' | 'variable' | 'name' | 'literal' | 'sign';
  readonly text: string;
  /** It stands right behind the word before. */
  readonly isGlued: boolean;
}

/** What a template computes (text/template, "Pipelines" and "Arguments"). */
export type Expression =
  | { readonly kind: 'dot' }
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'field'; readonly of: Expression; readonly names: readonly string[] }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  /** A function. */
  | { readonly kind: 'name'; readonly name: string };

/** Commands, each a function or a value and its arguments; the result of one is the last argument of the next. */
export type Pipeline = readonly (readonly Expression[])[];

const WORDS: readonly (readonly [Token['kind'] | 'space', RegExp])[] = [
  ['space', /(?:\s|\/\*[\s\S]*?\*\/)+/y],
  ['literal', /"(?:[^"\\\n]|\\.)*"|`[^`]*`|-?\d+(?:\.\d+)?|(?:true|false|nil)\b/y],
  ['field', /(?:\.[\p{L}_][\p{L}\d_]*)+|\./uy],
  ['variable', /\$[\p{L}\d_]*/uy],
  ['name', /[\p{L}_][\p{L}\d_]*/uy],
  ['sign', /:=|[|(),=]/y],
];

/** Reads an action. @throws TemplateError */
export function tokens(action: string): readonly Token[] {
  const all: Token[] = [];
  let isGlued = false;
  for (let at = 0; at < action.length; ) {
    const [kind, text] = word(action, at);
    at += text.length;
    if (kind !== 'space') all.push({ kind, text: kind === 'literal' ? literal(text) : text, isGlued });
    isGlued = kind !== 'space';
  }
  return all;
}

function word(action: string, at: number): readonly [Token['kind'] | 'space', string] {
  for (const [kind, pattern] of WORDS) {
    pattern.lastIndex = at;
    const found = pattern.exec(action);
    if (found) return [kind, found[0]];
  }
  throw new TemplateError(`${JSON.stringify(action.slice(at, at + 20))} is not understood`);
}

/** A literal as JSON. */
function literal(text: string): string {
  if (text === 'nil') return 'null';
  if (text.startsWith('`')) return JSON.stringify(text.slice(1, -1));
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw new TemplateError(`${text} is not understood`);
  }
}
