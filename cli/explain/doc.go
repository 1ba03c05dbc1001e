// Package explain tells a decision as a chain: what was measured, what it asks for, how large every estimator would have the
// component, its bounds, what the gates said, the plan, what was done and how it turned out.
//
// [Decision] makes the chain of one component from objects that package cli has read, and computes only; text.go writes it.
// The chain is that of the newest record where the record is what the status speaks of. Otherwise, as for a component
// that is steady, it is what the status knows, and the newest record follows it as the last change.
package explain
