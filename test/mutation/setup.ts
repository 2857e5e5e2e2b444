import * as fc from 'fast-check';

// A mutant is dead at the first counterexample: looking for the smallest takes most of the time.
fc.configureGlobal({ endOnFailure: true });
