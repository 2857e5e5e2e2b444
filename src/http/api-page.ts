import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import { ERROR_CODES, type ErrorCode, type Fault } from '../core/error-codes.ts';
import { adviceOf, codeAnchor } from '../contract/error-advice.ts';
import { PATHS } from '../contract/paths.ts';
import { STATUS_OF_CODE } from '../contract/problem.ts';
import { HTML_MEDIA_TYPE } from '../contract/media-types.ts';
import { openApiDocument } from './openapi-document.ts';
import { createResponse } from './responses.ts';

type Html = ReturnType<typeof html>;
type Content = Readonly<Record<string, { readonly schema: Schema }>>;

/** The parts of the OpenAPI document that the page shows. */
interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly description: string }[];
  readonly requestBody?: { readonly description: string; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 60rem; padding: 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow-x: auto; padding: .5rem 1rem; border-left: 3px solid #888 }
details { border-top: 1px solid #8886; padding: .4rem 0 }
summary { cursor: pointer }
dl { margin: .3rem 0 .3rem 1rem }
dd { margin-left: 1.5rem }
dt { margin-top: .5rem }
.method { display: inline-block; min-width: 3.5rem; font-weight: 600 }
`;

const STYLE_SHEET = raw(`<style>${STYLE}</style>`);

/** Content security policy of the page: its own style sheet and links; no script, no frame, nothing from elsewhere. */
const API_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Renders `GET /docs`: the OpenAPI document of the log `origin` as one page for people, without scripts. */
export async function apiPage(origin: string): Promise<string> {
  const { paths, components } = openApiDocument() as unknown as ApiDocument;
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Glasskey · ${origin}</title>
        ${STYLE_SHEET}
      </head>
      <body>
        <h1>Glasskey</h1>
        <p>A certificate authority you can see through: the log <code>${origin}</code>.</p>
        <h2>Start here</h2>
        <p>
          <a href="${PATHS.trustBundle}">Trust bundle</a>, which clients pin ·
          <a href="${PATHS.checkpoint}">newest checkpoint</a> of the audit log ·
          <a href="${PATHS.rootPem}">root certificate</a> · <a href="${PATHS.openapi}">OpenAPI document</a> ·
          <a href="${PATHS.ready}">readiness</a>
        </p>
        <p>Look somebody up, and replay the whole log. You need no permission:</p>
        <pre>
glasskey lookup alice@example.com --server URL
glasskey trust --server URL --out trust.json
glasskey audit URL --trust trust.json</pre>
        <h2>Operations</h2>
        ${Object.entries(paths).flatMap(([path, operations]) =>
          Object.entries(operations).map(([method, operation]) => operationSection(method, path, operation)),
        )}
        <h2>Messages</h2>
        ${Object.entries(components.schemas).map(
          ([name, schema]) =>
            html`<details id="${name}">
              <summary><code>${name}</code></summary>
              ${schemaBlock(schema)}
            </details>`,
        )}
        ${codesSection()}
      </body>
    </html>`;
  return page.toString(); // Hono's is a String object
}

/** Answers with a page of {@link apiPage}. */
export function respondApiPage(page: string, more: Readonly<Record<string, string>> = {}): Response {
  const headers = { 'content-security-policy': API_PAGE_POLICY, 'referrer-policy': 'no-referrer', ...more };
  return createResponse(page, HTML_MEDIA_TYPE, 'public, max-age=3600', { headers, forOperators: true });
}

function codesSection(): Html {
  return html`<h2>Codes</h2>
    <p>Every failure answers with problem details (RFC 9457) and one of these stable codes.</p>
    <dl>${Object.entries(ERROR_CODES).map(([code, fault]) => codeItem(code as ErrorCode, fault))}</dl>`;
}

/** One code, with what happened and what to do next. Links elsewhere name it by its `id`. */
function codeItem(code: ErrorCode, fault: Fault): Html {
  const { means, next } = adviceOf(code);
  return html`<dt id="${codeAnchor(code)}"><code>${code}</code> · ${STATUS_OF_CODE[code]} · ${fault}</dt>
    <dd>${inCode(means)}<br />${inCode(next)}</dd>`;
}

/** Shows what stands between backticks as code. */
function inCode(text: string): Html[] {
  return text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

function operationSection(method: string, path: string, operation: Operation): Html {
  const { summary, parameters = [], requestBody, responses } = operation;
  return html`<details>
    <summary><code class="method">${method.toUpperCase()}</code> <code>${path}</code> ${summary}</summary>
    <dl>
      ${parameters.map(({ name, description }) => item(name, description, ''))}
      ${requestBody === undefined ? '' : item('request', requestBody.description, contentBlock(requestBody.content))}
      ${Object.entries(responses).map(([status, { description = 'A problem', content = {} }]) =>
        item(status, description, contentBlock(content)),
      )}
    </dl>
  </details>`;
}

function item(name: string, description: string, more: Html | Html[] | string): Html {
  return html`<dt><code>${name}</code></dt>
    <dd>${description} ${more}</dd>`;
}

function contentBlock(content: Content): Html[] {
  return Object.entries(content).map(
    ([mediaType, { schema }]) => html`<code>${mediaType}</code>: ${schemaBlock(schema)}`,
  );
}

function schemaBlock(schema: Schema): Html {
  const { $ref, properties, required = [], items, oneOf } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return html`<a href="#${name}">${name}</a>`;
  }
  return html`${wordsOf(schema)} ${items === undefined ? '' : schemaBlock(items)}
  ${(oneOf ?? []).map((one) => html`<div>${schemaBlock(one)}</div>`)}
  ${
    properties === undefined
      ? ''
      : html`<dl>
          ${Object.entries(properties).map(([name, property]) =>
            item(name, required.includes(name) ? '' : '(optional)', schemaBlock(property)),
          )}
        </dl>`
  }`;
}

/** Joins what the schema says of type, bounds and meaning. */
function wordsOf({ type, format, maxLength, description, const: only, enum: values }: Schema): string {
  return [
    type === 'array' ? 'list of' : (format ?? type),
    maxLength === undefined ? undefined : `of at most ${maxLength} characters`,
    only === undefined ? undefined : JSON.stringify(only),
    values?.map((value) => JSON.stringify(value)).join(', '),
    description,
  ]
    .filter((words) => words !== undefined)
    .join(' · ');
}
