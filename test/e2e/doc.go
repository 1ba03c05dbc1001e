// Package e2e proves the whole of Metapilot on real Kubernetes components: the manager is the real program in a process of
// its own, with the permissions and the configuration that it ships; tenants live in a sandbox; what is judged was seen by
// watching the API server from outside (package observe), and read from it, never heard from the manager's process.
//
//   - fleet_test.go     200 OOMs of 200 tenants, one after another and in a burst; a leader that is killed in the middle of
//     one; dry run and Off
//   - death_test.go     kill -9 behind every write of a change, for a Deployment and for a StatefulSet
//   - input_test.go     what users get wrong reaches them
//   - profiles_test.go  profiles are made, filled, kept over kill -9, and removed, also by a manager that does nothing else
//   - scaledown_test.go idle tenants shrink step by step, and get back what was taken when their load returns
//   - house_test.go     a sandbox with Metapilot in it
//   - faults_test.go    what is wrong with an answer to a kill: once, whole, calm, and nobody else touched
//   - figures_test.go   how long it took
//   - log_test.go       what a manager must not have logged
//
// How long things take is reported and not asserted: `go test ./test/e2e -v` shows it.
package e2e
