// Package doctor finds what is wrong with an installation, and says of each finding what to do.
//
// Package cli gathers [Facts], what it may read, and [Judge] makes findings of them; it computes only. What could not be read is
// a finding of its own, [Unchecked], and never taken as healthy.
package doctor
