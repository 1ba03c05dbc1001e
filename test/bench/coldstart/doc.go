// Command coldstart measures how long the profile service takes from its start until it holds every profile again: the real
// manager, with its shipped permissions, against a real API server that has a fleet's WorkloadProfiles with checkpoints four
// weeks old. docs/benchmarks.md has its figures.
//
//   - main.go   the sandbox, the starts, the figures
//   - fleet.go  the profiles
package main
