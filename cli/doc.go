// Package cli is what people ask Metapilot: the verbs of the command line besides the manager's.
//
// [Commands] gives them as cobra commands, and cmd/metapilot adds them to its own. Each verb is a file here, which reads what
// it needs from the API server, and a package below, which makes the answer of it and computes only: history, explain,
// pausing, report, doctor. Package show writes answers. So an answer can be tested without a cluster, and what is
// read, with the permissions that it takes, is in one place.
//
// Reading: connection.go finds the cluster and reads from it in pages, so that ten thousand tenants are never held as
// objects; scope.go is the flags that verbs share, and which tenants are meant; errors.go turns what an API server refuses into
// what to do; completion.go offers the names of tenants and components to a shell.
//
// The verbs follow kubectl's conventions: -n, -A, -l, -o, --context, --kubeconfig. No verb but pause and resume writes anything.
package cli
