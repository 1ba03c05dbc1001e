// Package clusterscaler is the reconciler of ClusterScalers: gather → Decide → act → report.
//
// It is the only place where the pure ring (controllers/plan, scalers/oom, estimators) and the ring of I/O meet:
//
//   - watches.go: what wakes it. A pod event that shows an OOM kill goes into the [inbox] and passes the queue first.
//   - gather.go, workload.go: read everything that is known of a tenant into plan.Snapshots. The calm
//     look reads caches only; when a change is wanted, the scaler and the workloads are read again from the API server.
//   - plan.Decide.
//   - records.go: a plan is written down as a ScalingRecord before anything is done. The record's name is made from the
//     oldest kill it answers, so the same kill can only ever have one: after a crash, a failed status write or a change
//     of leader the same name is found again, and its work is continued instead of done twice.
//   - act.go: hands the open record to the actuator, which takes a step a call and never waits.
//   - status.go, conditions.go, events.go, metrics.go: one status patch, then events, on change only.
package clusterscaler
