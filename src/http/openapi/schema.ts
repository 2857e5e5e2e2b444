/** A part of an OpenAPI document. */
export type Schema = Readonly<Record<string, unknown>>;

/** A text of at most so many characters. */
export const text = (maxLength: number, description: string): Schema => ({ type: 'string', maxLength, description });
/** A whole number from 0. */
export const integer = (description: string): Schema => ({ type: 'integer', minimum: 0, description });
/** An object of these members and no others. */
export const object = (properties: Record<string, Schema>, required: readonly string[]): Schema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
/** A schema of the document. */
export const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
/** Bytes. */
export const binary: Schema = { type: 'string', format: 'binary' };
