// anillo explain: topics generated from the tables the simulator runs on, so that they are never out of date.
import { explainExits, explainSensitive } from '../isa/explain.ts';
import { techniques } from '../vmm/techniques/index.ts';

/** What can be explained. */
export type Topic = 'sensitive' | 'exits' | 'techniques';

/** Prints a topic. */
export function explain(topic: Topic): void {
  const texts = {
    sensitive: explainSensitive,
    exits: explainExits,
    techniques: explainTechniques,
  } satisfies Record<Topic, () => string>;
  process.stdout.write(`${texts[topic]().trimEnd()}\n`);
}

function explainTechniques(): string {
  return techniques
    .all()
    .map(({ name, aliases, summary, description, guest, paging }) =>
      [
        `${name}${aliases.length > 0 ? ` (${aliases.join(', ')})` : ''}: ${summary}`,
        '',
        ...description.map((paragraph) => `${wrap(paragraph, 100, '  ')}\n`),
        `  guest: ${guest === 'paravirtual' ? 'a kernel changed for it' : 'any kernel, unmodified'}`,
        ...(paging ? [`  paging: ${paging.join(' or ')}`] : []),
        '',
      ].join('\n'),
    )
    .join('\n');
}

/** Breaks a paragraph into lines. */
function wrap(text: string, width: number, indent: string): string {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines[lines.length - 1] ?? '';
    if (line !== '' && line.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => indent + line).join('\n');
}
