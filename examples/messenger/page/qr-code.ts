import { encode } from 'uqr';
import { svgEl } from './dom.ts';

/** Draws a text as a QR code, dark on light in both colour schemes, since readers expect that. */
export function qrCode(text: string, title: string): SVGElement {
  const { data, size } = encode(text, { ecc: 'L', border: 2 });
  const path = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return svgEl(
    'svg',
    { viewBox: `0 0 ${size} ${size}`, role: 'img', class: 'qr', 'shape-rendering': 'crispEdges' },
    svgEl('title', {}, title),
    svgEl('rect', { width: size, height: size, class: 'light' }),
    svgEl('path', { d: path, class: 'dark' }),
  );
}
