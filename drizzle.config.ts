import { defineConfig } from 'drizzle-kit';

/** `npx drizzle-kit generate --name WHAT` writes the next migration from the schema; no database is needed. */
export default defineConfig({ dialect: 'postgresql', schema: './src/store/schema.ts', out: './migrations' });
