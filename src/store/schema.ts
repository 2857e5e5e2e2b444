import { sql, type SQL } from 'drizzle-orm';
import {
  bigint,
  check,
  customType,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  type AnyPgColumn,
} from 'drizzle-orm/pg-core';

/**
 * The tables of a Glasskey database, from which `drizzle-kit generate` makes `migrations/`. Every primary key starts
 * with `log_id`, so that many logs can share a database and a distributed PostgreSQL can place each by itself. There
 * are no foreign keys to `logs` on purpose: they would make every insert lock one shared row.
 */

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' });
const count = (name: string) => bigint(name, { mode: 'number' });
const logId = () => integer('log_id').notNull();
/** The MAC of a row that authorises something (docs/spec.md#sealed-rows); null in rows of an older program. */
const seal = () => bytea('mac');

function hasLength(column: AnyPgColumn, bytes: number): SQL {
  return sql`octet_length(${column}) = ${sql.raw(String(bytes))}`;
}

/** One row for each log: the parts that its creation fixes. */
export const logs = pgTable('logs', {
  /** Surrogate key inside this database; never on the wire. */
  logId: integer('log_id').primaryKey().generatedAlwaysAsIdentity(),
  /** The log's name on the wire; unique in the database. */
  origin: text('origin').notNull().unique(),
  /** The encoded KEYTRANS Configuration. */
  configuration: bytea('configuration').notNull(),
  /** The newest format in which rows of this log may be written: see stored-format.ts. */
  format: smallint('format').notNull().default(1),
});

/** The committed state of each log: the row that an append replaces by compare-and-swap on `size`. */
export const heads = pgTable(
  'heads',
  {
    logId: integer('log_id')
      .primaryKey()
      .references(() => logs.logId),
    /** Number of log entries; 0 before entry 0 exists. */
    size: count('size').notNull(),
    /** Timestamp of the rightmost entry, ms since the epoch; 0 at size 0. */
    timestampMs: count('timestamp_ms').notNull(),
    /** Root of the newest prefix tree, 32 bytes. */
    prefixRoot: bytea('prefix_root').notNull(),
    prefixTilePosition: count('prefix_tile_position'),
    prefixTileCounter: count('prefix_tile_counter'),
    /** Root of the KEYTRANS log tree at `size`, 32 bytes; zeros at size 0. */
    logRoot: bytea('log_root').notNull(),
    /** RFC 6962 root of the audit log at `size`, 32 bytes; the SHA-256 of nothing at size 0. */
    auditRoot: bytea('audit_root').notNull(),
    /** The encoded right edge (partial tiles of every level) of the KEYTRANS log tree; no bytes at size 0. */
    logEdge: bytea('log_edge').notNull(),
    /** The encoded right edge of the audit log's tree; no bytes at size 0. */
    auditEdge: bytea('audit_edge').notNull(),
    /** The signed LogEnd, if the last entry ended the log: nothing is appended then. */
    logEnd: bytea('log_end'),
    mac: seal(),
  },
  (table) => [
    check('heads_size', sql`${table.size} >= 0`),
    check('heads_prefix_root', hasLength(table.prefixRoot, 32)),
    check('heads_log_root', hasLength(table.logRoot, 32)),
    check('heads_audit_root', hasLength(table.auditRoot, 32)),
    check('heads_prefix_tile', sql`(${table.prefixTilePosition} is null) = (${table.prefixTileCounter} is null)`),
  ],
);

/** Heads that were signed: clients may see these sizes. */
export const releasedHeads = pgTable(
  'released_heads',
  {
    logId: logId(),
    size: count('size').notNull(),
    /** Signature of the KEYTRANS TreeHead. */
    signature: bytea('signature').notNull(),
    /** The signed note of the audit log's checkpoint, as UTF-8 text. */
    checkpoint: text('checkpoint').notNull(),
  },
  (table) => [primaryKey({ columns: [table.logId, table.size] }), check('released_heads_size', sql`${table.size} > 0`)],
);

/** Log entries. */
export const entries = pgTable(
  'entries',
  {
    logId: logId(),
    position: count('position').notNull(),
    /** The encoded AuditEntry: timestamp, prefix root, log root, config hash, update hash. */
    auditEntry: bytea('audit_entry').notNull(),
    prefixTilePosition: count('prefix_tile_position'),
    prefixTileCounter: count('prefix_tile_counter'),
    /** The compressed AuditorUpdate; no bytes for one that is derived from the trees. */
    updateGzip: bytea('update_gzip').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.position] }),
    check('entries_position', sql`${table.position} >= 0`),
    check('entries_prefix_tile', sql`(${table.prefixTilePosition} is null) = (${table.prefixTileCounter} is null)`),
  ],
);

/** Full tiles of the two log trees; `tree` is 0 for KEYTRANS, 1 for the audit log. */
export const logTiles = pgTable(
  'log_tiles',
  {
    logId: logId(),
    tree: smallint('tree').notNull(),
    level: smallint('level').notNull(),
    tileIndex: count('tile_index').notNull(),
    data: bytea('data').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.tree, table.level, table.tileIndex] }),
    check('log_tiles_tree', sql`${table.tree} in (0, 1)`),
    check('log_tiles_data', hasLength(table.data, 8192)),
  ],
);

/** Copy-on-write tiles of the prefix tree. */
export const prefixTiles = pgTable(
  'prefix_tiles',
  {
    logId: logId(),
    position: count('position').notNull(),
    counter: count('counter').notNull(),
    data: bytea('data').notNull(),
  },
  (table) => [primaryKey({ columns: [table.logId, table.position, table.counter] })],
);

/** The extent of each log's pruning: prefix tiles that entries below `position` replaced are gone. */
export const prunings = pgTable(
  'prunings',
  {
    logId: integer('log_id')
      .primaryKey()
      .references(() => logs.logId),
    position: count('position').notNull(),
  },
  (table) => [check('prunings_position', sql`${table.position} > 0`)],
);

/** The newest tree head that the log's third-party auditor has signed. */
export const auditorHeads = pgTable(
  'auditor_heads',
  {
    logId: integer('log_id')
      .primaryKey()
      .references(() => logs.logId),
    size: count('size').notNull(),
    timestampMs: count('timestamp_ms').notNull(),
    signature: bytea('signature').notNull(),
  },
  (table) => [check('auditor_heads_size', sql`${table.size} > 0`)],
);

/** Labels in the log, by the VRF output of their version 0. */
export const labels = pgTable(
  'labels',
  {
    logId: logId(),
    labelKey: bytea('label_key').notNull(),
    /** The plaintext label; null once erased. */
    label: bytea('label'),
    /** Greatest version in the log. */
    greatestVersion: count('greatest_version').notNull(),
    /** Keyed hash of the label (docs/spec.md#vrf-memory), 16 bytes; null in rows of an older program. */
    labelHash: bytea('label_hash'),
    /** VRF results of the greatest version's absent successors, with their MAC; null in rows of an older program. */
    vrfMemory: bytea('vrf_memory'),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.labelKey] }),
    // Not unique: a planted row would stop every append that adds the label. The MAC says which row counts.
    index('labels_label_hash')
      .on(table.logId, table.labelHash)
      .where(sql`${table.labelHash} is not null`),
    check('labels_label_key', hasLength(table.labelKey, 32)),
  ],
);

/** Versions of labels. `opening` and `value` are null once erased. */
export const versions = pgTable(
  'versions',
  {
    logId: logId(),
    /** VRF output of version 0 of the label: the key of a label's rows, since the plaintext can be erased. */
    labelKey: bytea('label_key').notNull(),
    version: count('version').notNull(),
    /** The log entry that added it. */
    position: count('position').notNull(),
    vrfOutput: bytea('vrf_output').notNull(),
    vrfProof: bytea('vrf_proof').notNull(),
    commitment: bytea('commitment').notNull(),
    opening: bytea('opening'),
    /** The encoded IdentityRecord. */
    value: bytea('value'),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.labelKey, table.version] }),
    check('versions_version', sql`${table.version} between 0 and 4294967295`),
    check('versions_label_key', hasLength(table.labelKey, 32)),
    check('versions_vrf_output', hasLength(table.vrfOutput, 32)),
    check('versions_commitment', hasLength(table.commitment, 32)),
    check('versions_opening', hasLength(table.opening, 16)),
    check('versions_erased', sql`(${table.opening} is null) = (${table.value} is null)`),
  ],
);

/** The queue of versions to be sequenced. Settling one clears what it carried. */
export const submissions = pgTable(
  'submissions',
  {
    logId: logId(),
    submissionId: count('submission_id')
      .notNull()
      .generatedByDefaultAsIdentity({ name: 'submissions_submission_id_seq' }),
    labelKey: bytea('label_key').notNull(),
    version: count('version').notNull(),
    label: bytea('label'),
    vrfOutput: bytea('vrf_output'),
    vrfProof: bytea('vrf_proof'),
    commitment: bytea('commitment'),
    opening: bytea('opening'),
    value: bytea('value'),
    act: text('act'),
    state: text('state', { enum: ['queued', 'sequenced', 'rejected'] }).notNull(),
    position: count('position'),
    code: text('code'),
    settledMs: count('settled_ms'),
    mac: seal(),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.submissionId] }),
    index('submissions_queue')
      .on(table.logId, table.submissionId)
      .where(sql`${table.state} = 'queued'`),
    index('submissions_settled')
      .on(table.logId, table.settledMs)
      .where(sql`${table.settledMs} is not null`),
    check('submissions_state', sql`${table.state} in ('queued', 'sequenced', 'rejected')`),
    check('submissions_settled_ms', sql`(${table.state} = 'queued') = (${table.settledMs} is null)`),
    check('submissions_position', sql`(${table.state} = 'sequenced') = (${table.position} is not null)`),
    check('submissions_code', sql`(${table.state} = 'rejected') = (${table.code} is not null)`),
    check(
      'submissions_queued',
      sql`${table.state} <> 'queued' or num_nulls(label, vrf_output, vrf_proof, commitment, opening, value) = 0`,
    ),
  ],
);

/** The right to make one version of one label. */
export const intents = pgTable(
  'intents',
  {
    logId: logId(),
    labelKey: bytea('label_key').notNull(),
    version: count('version').notNull(),
    /** SHA-256 over the request (identity, CSR, change): the same request again finds its own intent. */
    requestHash: bytea('request_hash').notNull(),
    createdMs: count('created_ms').notNull(),
    state: text('state', { enum: ['open', 'submitted', 'sequenced', 'failed'] }).notNull(),
    serial: bytea('serial'),
    submissionId: count('submission_id'),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.labelKey, table.version] }),
    index('intents_created').on(table.logId, table.createdMs),
    check('intents_label_key', hasLength(table.labelKey, 32)),
    check('intents_request_hash', hasLength(table.requestHash, 32)),
    check('intents_state', sql`${table.state} in ('open', 'submitted', 'sequenced', 'failed')`),
  ],
);

/** Signed and submitted certificates. */
export const certificates = pgTable(
  'certificates',
  {
    logId: logId(),
    serial: bytea('serial').notNull(),
    labelKey: bytea('label_key').notNull(),
    /** First version whose record holds it. */
    version: count('version').notNull(),
    /** The certificate, DER; from format 2 on its SHA-256, since the record of `version` has it. */
    content: bytea('der').notNull(),
    spkiSha256: bytea('spki_sha256').notNull(),
    /** The request that it answers: see `intents`. */
    requestHash: bytea('request_hash').notNull(),
    notBeforeMs: count('not_before_ms').notNull(),
    notAfterMs: count('not_after_ms').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.serial] }),
    index('certificates_request').on(table.logId, table.labelKey, table.requestHash),
    check('certificates_serial', sql`octet_length(${table.serial}) between 1 and 20`),
    check('certificates_spki_sha256', hasLength(table.spkiSha256, 32)),
    check('certificates_request_hash', hasLength(table.requestHash, 32)),
  ],
);

/**
 * Revoked serials, also of certificates that were signed and never stored. `not_after_ms` is null if the certificate is
 * not known: such a serial stays on the CRL.
 */
export const revocations = pgTable(
  'revocations',
  {
    logId: logId(),
    serial: bytea('serial').notNull(),
    revokedMs: count('revoked_ms').notNull(),
    reason: smallint('reason').notNull(),
    notAfterMs: count('not_after_ms'),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.serial] }),
    index('revocations_not_after').on(table.logId, table.notAfterMs),
    check('revocations_serial', sql`octet_length(${table.serial}) between 1 and 20`),
    check('revocations_reason', sql`${table.reason} between 0 and 10 and ${table.reason} <> 7`),
  ],
);

/** The audit trail: acts as lines of JSON, in records that are chained by their hashes. Rows are never changed. */
export const trail = pgTable(
  'trail',
  {
    logId: logId(),
    /** From 0, without gaps. */
    sequence: count('sequence').notNull(),
    /** One act on each line, JSON. */
    acts: text('acts').notNull(),
    /** SHA-256 over the record and the hash of the one before, 32 bytes. */
    hash: bytea('hash').notNull(),
  },
  (table) => [
    primaryKey({ name: 'trail_pk', columns: [table.logId, table.sequence] }),
    check('trail_sequence', sql`${table.sequence} >= 0`),
    check('trail_hash', hasLength(table.hash, 32)),
  ],
);

/** The end of each log's trail: without it, somebody could remove the last records unseen. */
export const trailHeads = pgTable(
  'trail_heads',
  {
    logId: integer('log_id')
      .primaryKey()
      .references(() => logs.logId),
    /** Number of records. */
    size: count('size').notNull(),
    /** Hash of the last one, 32 bytes. */
    hash: bytea('hash').notNull(),
  },
  (table) => [check('trail_heads_size', sql`${table.size} > 0`), check('trail_heads_hash', hasLength(table.hash, 32))],
);

/** Application tokens, by their SHA-256. */
export const tokens = pgTable(
  'tokens',
  {
    logId: logId(),
    tokenId: integer('token_id').notNull().generatedAlwaysAsIdentity(),
    tokenHash: bytea('token_hash').notNull(),
    name: text('name').notNull(),
    createdMs: count('created_ms').notNull(),
    revokedMs: count('revoked_ms'),
    mac: seal(),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.tokenId] }),
    unique('tokens_token_hash').on(table.logId, table.tokenHash),
    check('tokens_token_hash_length', hasLength(table.tokenHash, 32)),
  ],
);

/** Codes sent to e-mail addresses, by their SHA-256. */
export const emailChallenges = pgTable(
  'email_challenges',
  {
    logId: logId(),
    /** 16 random bytes. */
    challengeId: bytea('challenge_id').notNull(),
    labelKey: bytea('label_key').notNull(),
    /** The key that the challenge vouches for. */
    spkiSha256: bytea('spki_sha256').notNull(),
    codeHash: bytea('code_hash').notNull(),
    createdMs: count('created_ms').notNull(),
    expiresMs: count('expires_ms').notNull(),
    attempts: integer('attempts').notNull(),
    /** The version that the code was first used for, and the commitment before it: the code counts for no other. */
    usedVersion: count('used_version'),
    usedCommitment: bytea('used_commitment'),
    mac: seal(),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.challengeId] }),
    index('email_challenges_label').on(table.logId, table.labelKey),
    index('email_challenges_created').on(table.logId, table.createdMs),
    check('email_challenges_challenge_id', hasLength(table.challengeId, 16)),
    check('email_challenges_label_key', hasLength(table.labelKey, 32)),
    check('email_challenges_spki_sha256', hasLength(table.spkiSha256, 32)),
    check('email_challenges_code_hash', hasLength(table.codeHash, 32)),
  ],
);

/** Accounts of ACME clients (docs/acme.md). */
export const acmeAccounts = pgTable(
  'acme_accounts',
  {
    logId: logId(),
    /** 16 random bytes: the end of the account's URL. */
    accountId: bytea('account_id').notNull(),
    /** SHA-256 of the account's key (RFC 7638). */
    thumbprint: bytea('thumbprint').notNull(),
    /** The account's public key: a JWK in the form that its thumbprint hashes. */
    jwk: text('jwk').notNull(),
    /** SHA-256 of the application token that admitted the account. */
    tokenHash: bytea('token_hash').notNull(),
    /** The names that the application vouches for: `any` name, the one `name` of the label key, or `none`. */
    scope: text('scope', { enum: ['any', 'name', 'none'] }).notNull(),
    /** The only name of the account; null unless the scope is `name`. */
    labelKey: bytea('label_key'),
    /** SHA-256 of the key id of its external account binding, which works once. */
    bindingHash: bytea('binding_hash').notNull(),
    state: text('state', { enum: ['valid', 'deactivated'] }).notNull(),
    expiresMs: count('expires_ms').notNull(),
    mac: seal(),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.accountId] }),
    unique('acme_accounts_key').on(table.logId, table.thumbprint),
    unique('acme_accounts_binding').on(table.logId, table.bindingHash),
    index('acme_accounts_token').on(table.logId, table.tokenHash),
    index('acme_accounts_expiry').on(table.logId, table.expiresMs),
    check('acme_accounts_account_id', hasLength(table.accountId, 16)),
    check('acme_accounts_scope', sql`(${table.scope} = 'name') = (${table.labelKey} is not null)`),
  ],
);

/** Orders of ACME clients: each for one certificate of one name. Its authorization has the same id. */
export const acmeOrders = pgTable(
  'acme_orders',
  {
    logId: logId(),
    /** 16 random bytes: the end of the order's URL. */
    orderId: bytea('order_id').notNull(),
    accountId: bytea('account_id').notNull(),
    labelKey: bytea('label_key').notNull(),
    /** Canonical. */
    identity: text('identity').notNull(),
    state: text('state', { enum: ['pending', 'ready', 'processing', 'valid', 'invalid'] }).notNull(),
    /**
     * The proof that the account may have the name: by its application, by a mail from its address, or by its
     * application and an attestation of the device.
     */
    proof: text('proof', { enum: ['application', 'email', 'device'] }).notNull(),
    expiresMs: count('expires_ms').notNull(),
    /** The certificate's request, DER; null until the order is finalized. */
    csr: bytea('csr'),
    /** The certificate, DER; null until it is in the released log. */
    certificate: bytea('certificate'),
    /** Why the order is invalid. */
    errorCode: text('error_code'),
    /** SHA-256 of the SPKI of the key that the device has attested; null until then, and for other proofs. */
    attestedKey: bytea('attested_key'),
    mac: seal(),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.orderId] }),
    index('acme_orders_account').on(table.logId, table.accountId),
    index('acme_orders_label').on(table.logId, table.labelKey),
    index('acme_orders_expiry').on(table.logId, table.expiresMs),
    check('acme_orders_order_id', hasLength(table.orderId, 16)),
  ],
);

/** Nonces of ACME requests that were used, until they expire. */
export const acmeNonces = pgTable(
  'acme_nonces',
  {
    logId: logId(),
    nonce: bytea('nonce').notNull(),
    expiresMs: count('expires_ms').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.logId, table.nonce] }),
    index('acme_nonces_expiry').on(table.logId, table.expiresMs),
    check('acme_nonces_nonce', hasLength(table.nonce, 16)),
  ],
);

/** The number of CRL shards of a log: the first bytes of a certificate's serial name its shard. */
export const crlShards = pgTable(
  'crl_shards',
  {
    logId: integer('log_id')
      .primaryKey()
      .references(() => logs.logId),
    shards: integer('shards').notNull(),
  },
  (table) => [check('crl_shards_shards', sql`${table.shards} between 1 and 1073741824`)],
);

/** Unsettled recoveries, at most one for a label. The log decides: these rows only remember. */
export const recoveries = pgTable(
  'recoveries',
  {
    logId: logId(),
    labelKey: bytea('label_key').notNull(),
    /** Canonical. */
    identity: text('identity').notNull(),
    /** The certificate's request, DER. */
    csr: bytea('csr').notNull(),
    spkiSha256: bytea('spki_sha256').notNull(),
    /** The encoded `Evidence` for the identity. */
    evidence: bytea('evidence').notNull(),
    /**
     * `waiting` for its delay, as a version of the log says; `undecided` after the last permitted veto, until the
     * operator decides; `granted` by the operator.
     */
    state: text('state', { enum: ['waiting', 'undecided', 'granted'] }).notNull(),
    requestedMs: count('requested_ms').notNull(),
    /** Time at which the owner was notified; null if not yet. */
    notifiedMs: count('notified_ms'),
    /** The operator's reason for granting it. */
    reason: text('reason'),
    /** The greatest version when the operator granted it, and its commitment: the grant works once after that. */
    grantedVersion: count('granted_version'),
    grantedCommitment: bytea('granted_commitment'),
    mac: seal(),
  },
  (table) => [
    primaryKey({ name: 'recoveries_pk', columns: [table.logId, table.labelKey] }),
    check('recoveries_label_key', hasLength(table.labelKey, 32)),
    check('recoveries_spki_sha256', hasLength(table.spkiSha256, 32)),
    check('recoveries_state', sql`${table.state} in ('waiting', 'undecided', 'granted')`),
    check('recoveries_granted', sql`(${table.state} = 'granted') = (${table.reason} is not null)`),
  ],
);

/** The addresses where owners are told of changes (docs/spec.md#notify-books), at most one row for a label. */
export const notifyBooks = pgTable(
  'notify_books',
  {
    logId: logId(),
    labelKey: bytea('label_key').notNull(),
    /** Counts the changes of the row, from 1: a writer replaces the revision that it read. */
    revision: count('revision').notNull(),
    /** The least version that every address was told of; a later one is due. Only a hint. */
    toldVersion: count('told_version').notNull(),
    /** Time at which the row is due without a new version, ms; null: never. Only a hint. */
    dueMs: count('due_ms'),
    /** Everything else, encrypted and bound to the label and the revision. */
    sealed: bytea('sealed').notNull(),
  },
  (table) => [
    primaryKey({ name: 'notify_books_pk', columns: [table.logId, table.labelKey] }),
    index('notify_books_due')
      .on(table.logId, table.dueMs)
      .where(sql`${table.dueMs} is not null`),
    check('notify_books_label_key', hasLength(table.labelKey, 32)),
    check('notify_books_revision', sql`${table.revision} > 0`),
    check('notify_books_sealed', sql`octet_length(${table.sealed}) <= 131072`),
  ],
);
