/** The header with which a client shows a lookup token: not `Authorization`, which may hold an application token at the same time. */
export const LOOKUP_TOKEN_HEADER = 'glasskey-lookup-token';
