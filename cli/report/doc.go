// Package report says what Metapilot would make of a fleet, or makes of it: of every component the size now and the size that
// it would come to, why, what holds it, what it saves and what it risks; totals and the longest lists.
//
// A [Builder] is given one component after the other, as package cli reads them in pages, and keeps a short row of each. It
// computes only. What is not known stays unknown: it is counted, and never added as zero. The size that a
// component would come to is what its newest record wants; without one, of a component that may shrink, what the estimators'
// answers come to within its bounds ([estimators.Combined], as the manager reckons).
//
// Reading: row.go judges one component; builder.go adds up; text.go, page.go and page.html write. The page is one file with
// everything in it: no script, nothing that is loaded.
package report
