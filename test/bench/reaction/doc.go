// Command reaction measures how long a component that was OOM-killed waits for more memory: under Metapilot, and under the
// Vertical Pod Autoscaler's own programs, side by side on one sandbox. docs/benchmarks.md explains its figures.
//
// Every scaler has tenants of its own, alike in all else. The same kill is reported, at the same moment, to one tenant of
// each; an outside watch (package observe) then sees when the first pod's specification has a larger memory limit, and when
// all replicas have one.
//
//   - setups.go             who takes part, and with which settings
//   - main.go, world.go     the sandbox, its tenants, and what they use
//   - metapilot.go, vpa.go  each scaler: installing, starting, and when it is ready
//   - measure.go            the kills and what was seen after them
//   - audit.go              what each scaler asked of the API server
//   - result.go, report.go, machine.go   the figures, as JSON and as tables
package main
