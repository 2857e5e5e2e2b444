import type { Context } from 'hono';
import { z } from 'zod';
import { INBOX_KINDS, LIMITS } from '../shared/protocol.ts';
import { Refusal } from './refusal.ts';

/** Base64 of at most so many bytes. */
const bytes = (maximum: number) =>
  z
    .string()
    .max(Math.ceil(maximum / 3) * 4)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/);
const device = z.string().regex(/^[0-9a-f]{64}$/);
const opaque = bytes(LIMITS.bodyBytes);
const keyPackage = bytes(LIMITS.keyPackageBytes);
const devices = z.array(device).max(LIMITS.devicesOfGroup);
const position = z.int().min(0);

/** Bodies of requests. The objects take no other members. */
export const BODIES = {
  credentials: z.strictObject({ name: z.string().max(100), password: z.string().max(LIMITS.passwordMax) }),
  grant: z.strictObject({ keyHash: bytes(32) }),
  device: z.strictObject({ spki: bytes(100), signature: bytes(100) }),
  keyPackages: z.strictObject({
    device,
    once: z.array(keyPackage).max(LIMITS.keyPackages),
    lastResort: keyPackage.optional(),
    replaces: z.boolean(),
  }),
  take: z.strictObject({ device }),
  group: z.strictObject({ group: z.string().regex(/^[0-9a-f]{32}$/), device }),
  commit: z.strictObject({
    device,
    epoch: position,
    body: opaque,
    welcome: opaque.optional(),
    added: z.array(z.strictObject({ device, keyPackage: z.string().max(64) })).max(LIMITS.devicesOfGroup),
    removed: devices,
  }),
  message: z.strictObject({ device, body: opaque }),
  direct: z.strictObject({
    device,
    to: device,
    kind: z.enum(INBOX_KINDS).extract(['link', 'note', 'call']),
    body: opaque,
  }),
  acknowledge: z.strictObject({ device, position }),
} as const;

/** Reads the body of a request. Its size is bounded before. Refuses what does not fit. */
export async function readBody<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const body: unknown = await c.req.json().catch(() => undefined);
  const { data, success } = schema.safeParse(body);
  if (!success) throw new Refusal(400, 'bad-request', 'The request does not have the right form.');
  return data;
}
