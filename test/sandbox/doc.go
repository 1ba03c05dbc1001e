// Package sandbox is the MetaCluster in a box: a real etcd, kube-apiserver, kube-controller-manager and kube-scheduler, with
// simulated nodes (kwok), metrics-server, tenants in bulk, and every misfortune of a control plane on request. It needs Go,
// no container and no root; it is for test suites, `make demo`, and people (see cmd/sandbox and docs/sandbox.md).
//
//	s, err := sandbox.Start(ctx, sandbox.Options{Controllers: true, Nodes: 3, Metrics: true, Progress: os.Stderr})
//	if err != nil { … }
//	defer s.Stop()
//	names, err := s.AddTenants(ctx, sandbox.TenantOptions{Count: 20, Layout: "small"})
//	err = s.WaitTenantsReady(ctx, names...)
//	client, err := kubernetes.NewForConfig(s.RESTConfig())
//
// The first Start on a machine compiles the components (about fifteen minutes on two cores, then never again): give a suite
// that starts a sandbox `go test -timeout 30m`. Afterwards an API server with etcd takes about three seconds and everything
// together about five. All traffic stays on the loopback.
//
// Where to look:
//
//   - options.go, sandbox.go    what there is to choose; Start, Attach, Wait, Stop
//   - state.go                  the state folder, by which other processes find a running sandbox
//   - controlplane.go, controllers.go, nodes.go, metrics.go, prometheus.go   one part each: its arguments, and when it is ready
//   - ready.go, poll.go         waiting, with errors that hold the end of the log; ports that somebody else took
//   - tenants.go                tenants in bulk (their objects: package tenant)
//   - realtenants.go, storm.go  tenants with a real kube-apiserver and etcd, and how to drive it into 429s
//   - loads.go, signals.go      what containers use (package kubelet), and what control planes go through (package exporter)
//   - package components        building the programs; package process: children that cannot outlive us; package pki;
//     package stages: what kwok plays
package sandbox
