// Package workloads is the workload-controller of the profile service: it keeps one WorkloadProfile for every Deployment
// and StatefulSet of a managed tenant.
//
// A guided tour. The [Reconciler] (reconciler.go) looks at one namespace at a time: it reads the workloads, the
// ClusterScalers, which say what component a workload is, and the profiles. arrange (arrange.go) is pure and says what is
// to be made, pointed elsewhere, labelled, marked or removed; the Reconciler does that. What is measured is not its
// business: profiles/recommender fills the profiles.
//
// History outlives its workload. A profile whose workload is gone is kept, as long as it could still say something about
// it; a workload that is made anew finds it again, and a component that is moved to another workload, of another name or
// kind, takes its profile along.
package workloads
