// Package history tells what was decided and how it turned out, from ScalingRecords: one [Entry] for each, newest first.
// It computes; package cli reads the records.
package history
