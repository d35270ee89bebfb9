// All techniques, in the order in which they are compared.

import { TechniqueRegistry } from '../technique.ts';
import { bare } from './bare.ts';
import { binaryTranslation } from './binary-translation/index.ts';
import { paravirtual } from './paravirtual/index.ts';
import { trapEmulate } from './trap-emulate/trap-emulate.ts';
import { vtx } from './vtx/vtx.ts';

/** The techniques by name and alias. */
export const techniques = new TechniqueRegistry();

for (const technique of [bare, trapEmulate, binaryTranslation, paravirtual, vtx]) techniques.register(technique);
