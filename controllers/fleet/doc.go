// Package fleet is the manager's memory of the MetaCluster: what its caches hold, cut down to what is read.
//
// A guided tour. [Options] gives the cache's settings: for each kind a transform that keeps only what Metapilot reads
// (trim_pod.go, trim_workload.go, trim_node.go). Only tenants cost memory: [Registry] knows the managed namespaces (those with a
// ClusterScaler), and an object outside them is cut down to a stub (stub.go), unless it carries a mark of Metapilot's. [Fleet] reads: [Fleet.Pods], [Fleet.PodsOf],
// [Fleet.Deployment], [Fleet.StatefulSet], [Fleet.Nodes], and [Fleet.WorkloadOf], which follows owner references, never
// names, from a pod to its workload.
//
// # How a stub becomes whole
//
// A namespace is managed from the moment its ClusterScaler enters the cache: the registry is told by the ClusterScaler's
// own transform, so whoever can see a ClusterScaler reads a managed namespace. Events that arrive from then on stay whole. What
// was cut down before is completed when it is first read: one live LIST of the namespace, kept in an overlay by UID
// (overlay.go). It cannot miss or outlive anything:
//
//   - a stub was made of an event older than the LIST, so the LIST has the object at that version or a newer one;
//   - a whole object in the cache takes the overlay's place as soon as it is as new, so nothing goes back in time;
//   - a stub that the LIST does not have is deleted, and UIDs do not come back;
//   - an object that the cache no longer has is gone, whatever the overlay holds;
//   - a stub that appears later all the same (a transform that was overtaken) causes another LIST.
//
// At the start of the manager the registry is filled from a LIST before the caches start, so there are no stubs of tenants and
// no such LISTs.
//
// # What it costs
//
// Measured by BenchmarkPodMemory on a kube-apiserver pod with one container (see there):
// docs/configuration.md has the figures.
//
// # What must not be done with it
//
// A trimmed object is for reading. To write, use server-side apply, a patch, or a live read: sending a trimmed object in an
// Update would remove what was cut off (the API server would refuse it: a container needs an image).
package fleet
