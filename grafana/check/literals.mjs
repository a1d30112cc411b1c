// Writes each part of a dashboard file as a typed literal: `node literals.mjs dashboard.json > dashboard.ts`. A JSON import would widen
// every string, and TypeScript would not find unknown keys.
import { readFileSync } from 'node:fs';

const { panels, annotations, templating, ...rest } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const lines = [`import type { Annotation, Dashboard, Panel, Row, Variable } from './types';`];
const declare = (name, type, value) => lines.push(`export const ${name}: ${type} = ${JSON.stringify(value, null, 1)};`);

for (const panel of panels) declare(`panel${panel.id}`, panel.type === 'row' ? 'Row' : `Panel<${JSON.stringify(panel.type)}>`, panel);
annotations.list.forEach((annotation, index) => declare(`annotation${index}`, 'Annotation', annotation));
templating.list.forEach((variable, index) => declare(`variable${index}`, 'Variable', variable));
declare('dashboard', 'Dashboard', rest);
console.log(lines.join('\n'));
