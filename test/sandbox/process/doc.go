// Package process runs the sandbox's programs as children that cannot outlive it.
//
//   - process.go        [Start], [Process.Stop] and the error that holds the end of the log when a program dies.
//   - attributes_*.go   on Linux the kernel kills the children when their parent dies, however it dies.
//   - ports.go          free ports on the loopback.
//   - identity.go       [Identity]: is the process of that id still the one that was meant?
package process
