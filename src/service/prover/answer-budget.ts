/**
 * Most bytes of records in one answer that can hold several, unless the first record alone is longer: whoever asked for
 * more asks for the rest. An answer about one version has that version, whatever its length.
 */
export const MAX_RECORD_BYTES_SHOWN = 1024 * 1024;
