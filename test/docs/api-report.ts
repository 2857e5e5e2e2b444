import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The start of a statement: the compiler indents everything inside one. */
const STATEMENT = /^(?=(?:export|declare|import|interface|type|class|const|function|enum|abstract|namespace)\b)/m;
const DECLARED =
  /^(?:export )?(?:declare )?(?:abstract )?(?:function|class|interface|type|const|let|enum|namespace) (\w+)/;
const IMPORT = /^import (?:type )?\{([^}]*)\} from ["'](\.[^"']+)["'];/;
const LIST = /^export (?:type )?\{([^}]*)\}(?: from ["'](\.[^"']+)["'])?;/;
const STAR = /^export (?:type )?\* from ["'](\.[^"']+)["'];/;
/** Types that the compiler wrote without an import. */
const INLINE_IMPORT = /import\(["'](\.[^"']+)["']\)\.(\w+)/g;
/** Names of types, and of values whose type is meant. */
const REFERENCE = /\b(?:typeof )?([A-Za-z_]\w*)/g;

/** A name as another module has it. */
interface Origin {
  readonly file: string;
  readonly name: string;
}

/** The declarations of one module. */
interface Module {
  readonly file: string;
  /** By name, the statements that declare it: several for overloads, and for a type beside its constant. */
  readonly declared: ReadonlyMap<string, readonly string[]>;
  /** Imported and re-exported names. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Names that it exports; those of `stars` are not among them. */
  readonly exported: ReadonlySet<string>;
  /** Modules all of whose names it exports. */
  readonly stars: readonly string[];
}

/** Reads the declarations that `tsc` wrote: it begins each statement on a line of its own and indents the rest. */
export class ApiReporter {
  readonly #modules = new Map<string, Module>();
  readonly #root: string;

  /** `root` holds the declarations; names of files are relative to it. */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Returns the public interface of a module, in a form that does not depend on the places of declarations: all exported
   * names with their declarations, then the declarations that those name without being exported themselves. Of `opaque`
   * folders it has only names.
   */
  report(entry: string, opaque: readonly string[] = []): string {
    const exported = this.#exportedNames(entry).map((exportedAs): Declaration => {
      const { file, name, statements } = this.#declaration({ file: entry, name: exportedAs });
      return { file, name, statements, exportedAs };
    });
    const seen = new Map(exported.map((one) => [keyOf(one), one]));
    const behind: Declaration[] = [];
    const hidden = new Set<string>();
    for (const next of seen.values()) {
      for (const origin of this.#references(next)) {
        const found = this.#declaration(origin);
        if (seen.has(keyOf(found))) continue;
        if (opaque.some((folder) => found.file.startsWith(folder))) hidden.add(found.name);
        else {
          seen.set(keyOf(found), found);
          behind.push(found);
        }
      }
    }
    return [
      '## Exported',
      ...inOrder(exported),
      ...(behind.length === 0 ? [] : ['## Not exported, and part of the above', ...inOrder(behind)]),
      ...(hidden.size === 0 ? [] : ['## Named above, and not described', [...hidden].toSorted(byText).join('\n')]),
    ].join('\n\n');
  }

  #exportedNames(file: string): string[] {
    const { exported, stars } = this.#module(file);
    return [...exported, ...stars.flatMap((star) => this.#exportedNames(star))];
  }

  /** Follows a name to the module that declares it. */
  #declaration({ file, name }: Origin): Declaration {
    const { declared, origins, stars } = this.#module(file);
    const statements = declared.get(name);
    if (statements !== undefined) return { file, name, statements };
    const origin = origins.get(name) ?? stars.map((star) => ({ file: star, name })).find((one) => this.#has(one));
    if (origin === undefined) throw new Error(`${file} has no declaration of ${name}`);
    return this.#declaration(origin);
  }

  #has({ file, name }: Origin): boolean {
    return this.#exportedNames(file).includes(name);
  }

  /** The names of our own modules that a declaration uses. */
  #references({ file, statements }: Declaration): Origin[] {
    const { declared, origins } = this.#module(file);
    return statements.flatMap((statement) => {
      const inline = [...statement.matchAll(INLINE_IMPORT)].map(([, path = '', name = '']) => ({
        file: declarationFile(file, path),
        name,
      }));
      const words = [...statement.matchAll(REFERENCE)]
        .filter(([text, name = '']) => text !== name || /^[A-Z]/.test(name))
        .map(([, name = '']) => name);
      return [
        ...inline,
        ...words.flatMap((name) => (declared.has(name) ? [{ file, name }] : (origins.get(name) ?? []))),
      ];
    });
  }

  #module(file: string): Module {
    const known = this.#modules.get(file) ?? parseModule(file, readFileSync(join(this.#root, file), 'utf8'));
    this.#modules.set(file, known);
    return known;
  }
}

interface Declaration extends Origin {
  readonly statements: readonly string[];
  readonly exportedAs?: string;
}

const keyOf = ({ file, name }: Origin): string => `${file} ${name}`;
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function inOrder(declarations: readonly Declaration[]): string[] {
  return declarations
    .map(({ file, name, exportedAs = name, statements }) => {
      const rename = exportedAs === name ? [] : [`// as ${exportedAs}`];
      return [`${exportedAs} ${file}`, [...rename, ...statements.map(published)].join('\n')] as const;
    })
    .toSorted(([a], [b]) => byText(a, b))
    .map(([, text]) => text);
}

/** A statement without the words that every declaration has, and without private members. */
function published(statement: string): string {
  return statement
    .replace(/^(?:export )?(?:declare )?/, '')
    .replaceAll(/^ +(?:private (?!constructor)|#private).*\n/gm, '')
    .replaceAll(INLINE_IMPORT, '$2')
    .trim();
}

function parseModule(file: string, text: string): Module {
  const declared = new Map<string, string[]>();
  const origins = new Map<string, Origin>();
  const exported = new Set<string>();
  const stars: string[] = [];
  const code = text.replaceAll(/^\/\/# .*$|^[ \t]*\/\*\*[^]*?\*\/[ \t]*\n/gm, '');
  for (const statement of code.split(STATEMENT)) {
    const [, star] = STAR.exec(statement) ?? [];
    const list = IMPORT.exec(statement) ?? LIST.exec(statement);
    const [, name] = DECLARED.exec(statement) ?? [];
    const isExport = statement.startsWith('export');
    if (isExport && (star ?? list ?? name) === undefined) throw new Error(`${file}: unknown form: ${statement}`);
    if (star !== undefined) stars.push(declarationFile(file, star));
    for (const [original, own] of namesIn(list?.[1] ?? '')) {
      const from = list?.[2] === undefined ? file : declarationFile(file, list[2]);
      origins.set(own, { file: from, name: original });
      if (isExport) exported.add(own);
    }
    if (name === undefined) continue;
    declared.set(name, [...(declared.get(name) ?? []), statement]);
    if (isExport) exported.add(name);
  }
  return { file, declared, origins, exported, stars };
}

/** The names of a list such as `type A, b as c`: those of the other module, and those here. */
function namesIn(list: string): [string, string][] {
  const items = list.split(',').map((one) => one.trim().replace(/^type /, ''));
  return items
    .filter((one) => one !== '')
    .map((one) => one.split(' as ') as [string, string?])
    .map(([name, own = name]) => [name, own]);
}

function declarationFile(from: string, path: string): string {
  return join(dirname(from), path).replace(/(?:\.d)?\.[tj]s$/, '.d.ts');
}
