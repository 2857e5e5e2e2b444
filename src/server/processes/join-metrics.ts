/** The metrics of one process. */
export interface ProcessMetrics {
  /** The number of the process, from 1. */
  readonly process: number;
  /** In Prometheus's text format. */
  readonly text: string;
}

/**
 * Puts the metrics of several processes together, each sample with the label `process`. The descriptions of a metric
 * come once, with all of its samples below.
 */
export function joinMetrics(all: readonly ProcessMetrics[]): string {
  const families = new Map<string, { readonly about: string[]; readonly samples: string[] }>();
  for (const { process, text } of all) {
    let family = { about: [] as string[], samples: [] as string[] };
    for (const line of text.split('\n')) {
      const [, kind, name = ''] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (kind !== undefined) {
        const known = families.get(name) ?? { about: [], samples: [] };
        families.set(name, known);
        family = known;
        if (!family.about.includes(line)) family.about.push(line);
      } else if (line !== '') family.samples.push(labelled(line, process));
    }
  }
  const lines = [...families.values()].flatMap(({ about, samples }) => about.concat(samples));
  return `${lines.join('\n')}\n`;
}

/** Returns a sample with the label added: `a{b="c"} 1` or `a 1`. */
function labelled(sample: string, process: number): string {
  const label = `process="${process}"`;
  return /^[^\s{]+\{/.test(sample) ? sample.replace('{', `{${label},`) : sample.replace(/^(\S+)/, `$1{${label}}`);
}
