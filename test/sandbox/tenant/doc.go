// Package tenant makes the objects of a hosted cluster the way a platform team would: one namespace with the tenant's
// labels, kube-apiserver, kube-controller-manager and kube-scheduler as Deployments, etcd as a StatefulSet, services,
// disruption budgets.
//
//   - layout.go   the layouts: which sizes, which containers. One row each.
//   - objects.go  [Objects], pure: a tenant's objects from its name, layout and labels.
//
// The images do not exist and nothing is ever pulled; commands and flags are those of the real programs.
package tenant
