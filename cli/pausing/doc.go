// Package pausing says what pausing and resuming tenants changes: which ClusterScalers, from which pause to which. It computes;
// package cli reads and writes.
package pausing
