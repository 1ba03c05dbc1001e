// Package manager is the frame in which Metapilot's controllers run: the caches, leader election, health, metrics, profiling,
// and an orderly stop.
//
// [Run] does it all; cmd/metapilot calls it with the configuration file, tests with a configuration of their own. What runs is
// a table of [Controller] rows, written in cmd/metapilot: the frame knows none of them. Each row's Setup gets
// [Dependencies], which are the same for all, and registers itself with the manager.
//
// Reading: options.go turns the configuration into controller-runtime's options; dependencies.go makes what the rows share;
// health.go says when a manager is ready; logging.go makes the logger.
//
// Order of a start: the registry of managed namespaces is filled; the HTTP endpoints are served (not ready); caches fill;
// ready; usage is collected; the Lease is won; controllers work. A stop goes the other way: controllers finish what they
// are at (up to [ShutdownTimeout]), then the Lease is given back, so that a standby acts at once.
package manager
