// Package sim plays tenants in virtual time against the code that decides: no clock, no API server, no node.
//
// A [World] holds tenants; each has one component with a demand for memory over time and replicas on a model of the
// kubelet (kubelet.go): a container that needs more than its limit is killed, started again after a back-off, and
// reported late or not at all. A [Manager] (manager.go) does what controllers/clusterscaler does between reading pods and
// writing status, with scalers/oom and plan.Decide themselves. At every step the invariants (invariants.go) are checked.
//
// The log that a scenario writes is compared with testdata; `go test ./test/sim -update` writes it anew.
package sim
