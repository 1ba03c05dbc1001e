// Package sources holds the tests of profiles/sources against a real metrics-server and a real Prometheus, in a sandbox. The
// tests that need neither are beside the code.
//
// The Prometheus scrapes the sandbox's nodes, and an exporter of these tests (exporter_test.go) that can do what kwok cannot:
// counters that stumble, values that are none, a fleet of any size, and the past.
package sources
