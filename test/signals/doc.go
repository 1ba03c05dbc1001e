// Package signals holds the tests of scalers/signals against a real Prometheus and a real kube-apiserver, in a sandbox. The
// tests that need neither are beside the code.
package signals
