/** A part of an OpenAPI document. */
export type Schema = Readonly<Record<string, unknown>>;

/** A text of at most `maxLength` characters. */
export const text = (maxLength: number, description: string): Schema => ({ type: 'string', maxLength, description });
/** An integer from 0 up. */
export const integer = (description: string): Schema => ({ type: 'integer', minimum: 0, description });
/** An object with these members only. */
export const object = (properties: Record<string, Schema>, required: readonly string[]): Schema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
/** A reference to a schema of the document. */
export const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
/** Bytes. */
export const binary: Schema = { type: 'string', format: 'binary' };
