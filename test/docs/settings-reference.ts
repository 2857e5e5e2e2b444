import { z } from 'zod';
import { budget } from '../../src/server/settings/fields.ts';
import { settingsSchema } from '../../src/server/settings/schema.ts';

const HEAD = `# Settings

For the operator of a server: every setting of \`glasskey.toml\`, with its values and its default.
[Configuration](configuration.md) explains them, and has a complete example.
A test writes this page: \`GLASSKEY_UPDATE_README=1 npx vitest run test/docs/settings-reference.test.ts\`.

Every table may be absent. Any other setting is refused.
A duration is a text such as \`"90s"\`, \`"15m"\`, \`"6h"\` or \`"30d"\`. A file name is relative to the data folder.
A running server takes a change up at \`SIGHUP\` ([reloading](operations.md#reloading-and-another-issuing-ca)), or only when it starts again: "restart".
`;

const HEADER = '| setting | value | default | change | meaning |\n|---|---|---|---|---|\n';

/** The parts of a JSON Schema that the page shows, and the notes beside them. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly form?: string;
  readonly otherwise?: string;
  readonly restart?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Returns the reference page of all settings, made from the schema. Throws for a setting whose meaning is not said. */
export function settingsReference(): string {
  const tables = Object.entries(schemaOf(settingsSchema).properties ?? {});
  const sections = tables.flatMap(([name, schema]) => {
    const isList = schema.type === 'array';
    return tableSections(isList ? `[[${name}]]` : `[${name}]`, schema, isList ? schema.items : schema);
  });
  return `${[HEAD, ...sections, budgets()].join('\n').trimEnd()}\n`;
}

function schemaOf(schema: z.ZodType): Schema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;
}

/** One table of the file, and the tables inside it. */
function tableSections(heading: string, table: Schema, { properties = {}, required = [] }: Schema = {}): string[] {
  const members = Object.entries(properties);
  const inner = members.filter(([, member]) => isTable(member));
  const rows = members
    .filter(([, member]) => !isTable(member))
    .flatMap(([name, member]) => rowsOf(name, member, required.includes(name)));
  const own = `## ${heading}\n\n${meaningOf(heading, table)}\n\n${HEADER}${rows.join('')}`;
  const names = inner.map(([name]) => heading.replace(/\]$/, `.${name}]`));
  return [own, ...inner.flatMap(([, member], i) => tableSections(names[i] as string, member, member))];
}

function isTable({ properties, form }: Schema): boolean {
  return properties !== undefined && form === undefined;
}

/** The row of a setting; of a list of tables, also the rows of their members. */
function rowsOf(name: string, schema: Schema, isRequired: boolean): string[] {
  const { otherwise, restart = false, items } = schema;
  const standard = schema.default === undefined ? otherwise : `\`${JSON.stringify(schema.default)}\``;
  if (standard === undefined && !isRequired) throw new Error(`${name}: its default is not said`);
  const cells = [
    `\`${name}\``,
    formOf(schema),
    standard ?? 'required',
    restart ? 'restart' : 'reload',
    meaningOf(name, schema),
  ];
  const members = Object.entries(items?.properties ?? {}).filter(() => items?.form === undefined);
  const inner = members.flatMap(([member, one]) =>
    rowsOf(`${name}[].${member}`, one, items?.required?.includes(member) ?? false),
  );
  return [`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`, ...inner];
}

function meaningOf(name: string, { description }: Schema): string {
  if (description === undefined) throw new Error(`${name}: its meaning is not said`);
  return description;
}

function formOf({ form, type, enum: values, minimum, maximum, items }: Schema): string {
  if (form !== undefined) return form;
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ');
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'integer') return `${number(minimum)} to ${number(maximum)}`;
  if (type === 'array') return isTable(items ?? {}) ? 'list of tables' : `list of ${formOf(items ?? {})}`;
  throw new Error(`a setting whose values are not said: ${type}`);
}

function number(value = Number.NaN): string {
  return value.toLocaleString('en');
}

function budgets(): string {
  const { properties = {}, required = [] } = schemaOf(budget);
  const rows = Object.entries(properties).flatMap(([name, one]) => rowsOf(name, one, required.includes(name)));
  return `## Budgets\n\nWhat each limit holds, such as \`[limits.client]\`.\n\n${HEADER}${rows.join('')}`;
}
