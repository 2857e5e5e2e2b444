/** Reads untrusted `input` of a case as a program that trusts nothing does. Gives what the case expects, or throws. */
// Each primitive has its own shape: the notes of its file tell it.
// oxlint-disable-next-line typescript/no-explicit-any
export type OwnChecker = (input: any) => object | Promise<object>;
