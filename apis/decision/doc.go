// Package decision holds the words in which Metapilot speaks of a decision: verdicts, gates, reasons, triggers.
//
// Each word is declared once, here, and is used by the conditions and the status of a ClusterScaler, by a
// ScalingRecord, by events, by metric labels and by the pure packages that decide. The package imports nothing,
// so that the pure ring can use it.
package decision
