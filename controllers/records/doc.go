// Package records lets ScalingRecords go when they have become too old.
//
// controllers/clusterscaler keeps a bounded number of records of each component that it looks after. This package keeps
// all of them bounded by age, also those of components, scalers and tenants that nobody looks after any more. One list of
// names and ages in pages, once an hour, for the whole fleet; records are in no cache.
package records
