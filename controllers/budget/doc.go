// Package budget holds what concerns the scale-downs of the whole fleet: how many may begin within a time, and the brake.
//
// A [Ledger] knows when every component was last made smaller, and how every tenant stands. It is filled from objects, so
// that a restart forgets nothing: [Ledger.Load] takes all of them at once, [Ledger.Observe] one tenant at each look. A change
// is charged by [Ledger.Spend] before it is begun, so that two looks at a time cannot both take what is left.
package budget
