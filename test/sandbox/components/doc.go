// Package components builds the programs of the sandbox from source: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler, kwok, metrics-server and, on request, the Vertical Pod Autoscaler's three programs.
//
// There is nothing to download and no container: every program is an ordinary Go package of a module that is pinned here
// and compiled by the machine's own `go`.
//
//   - table.go    the components: one row each, with module, package, version and linker flags.
//   - modules/    the pinned modules. A folder with a go.mod cannot be embedded into a binary, so the files carry the
//     ending .txt; modules/update.sh moves them to newer versions.
//   - builder.go  [Builder.Build] turns names into paths of programs, building what is missing; [Builder.Source] reads
//     what lies beside a program in its module.
//   - lock.go     a lock file per program, so test processes that start together build each program once.
//   - progress.go what the user sees meanwhile.
//
// Programs live in the user's cache folder, named by version and by a key over everything that went into them (see
// [Builder.Build]), so a fresh clone of the repository finds them there and a changed pin builds anew.
package components
