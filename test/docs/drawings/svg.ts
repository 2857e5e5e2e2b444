/** Width of every drawing: that of a page's text. */
export const WIDTH = 720;

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Colours for light and dark, each over a paper of its own, so that a drawing is readable on any page. */
const STYLE = `
svg { --paper: #fcfcfa; --ink: #1c2321; --quiet: #58635f; --line: #c3ccc8; --accent: #0b6e63; --tint: #d8ebe8; --sent: #7a5300; --sent-tint: #f6e9c8 }
@media (prefers-color-scheme: dark) {
  svg { --paper: #151a19; --ink: #e8edeb; --quiet: #a0aca8; --line: #47524f; --accent: #58c9ba; --tint: #17403a; --sent: #edc46b; --sent-tint: #3d3118 }
}
text { font: 13px system-ui, sans-serif; fill: var(--ink) }
.small { fill: var(--quiet) }
.mono { font-family: ui-monospace, monospace }
.paper { fill: var(--paper); stroke: var(--line) }
line, path { stroke: var(--line); stroke-width: 1.5; fill: none }
.arrow { stroke: var(--quiet) }
.way { stroke: var(--accent); stroke-width: 3 }
.made { fill: var(--paper); stroke: var(--accent); stroke-width: 2 }
.found { fill: var(--accent); stroke: var(--accent); stroke-width: 2 }
.sent { fill: var(--sent-tint); stroke: var(--sent); stroke-width: 1.5 }
.other { fill: var(--sent); stroke: var(--sent); stroke-width: 1.5 }
.empty { fill: var(--paper); stroke: var(--quiet); stroke-width: 1.5; stroke-dasharray: 3 2 }
.plain { fill: var(--paper); stroke: var(--line); stroke-width: 1.5 }
.box { fill: var(--tint); stroke: var(--accent) }
.ring { fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-dasharray: 2 2 }
`;

/** Returns an SVG file. `title` and `description` are for those who do not see it. */
export function drawing(title: string, description: string, height: number, parts: readonly string[]): string {
  const frame = `<rect class="paper" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    `<style>${STYLE}</style>`,
    frame,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

export function line(from: Point, to: Point, kind = ''): string {
  const of = kind === '' ? '' : ` class="${kind}"`;
  return `<line${of} x1="${place(from.x)}" y1="${place(from.y)}" x2="${place(to.x)}" y2="${place(to.y)}"/>`;
}

/** Writes a text; `kind` is of the style sheet. */
export function text(at: Point, words: string, kind = '', anchor: 'start' | 'middle' = 'middle'): string {
  const of = kind === '' ? '' : ` class="${kind}"`;
  return `<text${of} x="${place(at.x)}" y="${place(at.y)}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

export function circle({ x, y }: Point, radius: number, kind: string): string {
  return `<circle class="${kind}" cx="${place(x)}" cy="${place(y)}" r="${radius}"/>`;
}

export function rect({ x, y }: Point, width: number, height: number, kind: string): string {
  return `<rect class="${kind}" x="${place(x)}" y="${place(y)}" width="${width}" height="${height}" rx="3"/>`;
}

/** Draws a row of marks with their meanings. Each takes room by its length. */
export function legend(y: number, entries: readonly (readonly [kind: string, meaning: string])[]): string[] {
  const room = (meaning: string): number => meaning.length + 6;
  const all = entries.reduce((sum, [, meaning]) => sum + room(meaning), 0);
  let used = 0;
  return entries.flatMap(([kind, meaning]) => {
    const at = { x: 30 + ((WIDTH - 40) * used) / all, y };
    used += room(meaning);
    return [mark(at, kind), text({ x: at.x + 14, y: y + 4 }, meaning, 'small', 'start')];
  });
}

/** Draws a node by its kind: a circle for what the client computes, a square for what the server sends. */
export function mark(at: Point, kind: string): string {
  const isRound = kind === 'made' || kind === 'found';
  if (isRound) return circle(at, kind === 'found' ? 8 : 6, kind);
  return rect({ x: at.x - 6, y: at.y - 6 }, 12, 12, kind);
}

function place(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
