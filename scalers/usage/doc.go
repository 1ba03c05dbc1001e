// Package usage knows what the fleet's containers use: their last measured CPU and memory, and their memory peak.
//
// A guided tour. Judging is pure: [Judge] (judge.go) turns one [Reading], as the source gave it, into a [Usage] or into the
// [Result] that says why it is none; peaks.go keeps the highest memory of a window in constant space. I/O is around it:
// decode.go reads the answer of metrics-server as a stream, source.go asks for it, and [Collector] (collector.go) does so once an
// interval for the whole fleet and remembers the managed namespaces' part (memory.go).
//
// Absent is never zero. A container without a sample, with one that is stale, without a time, negative, not a number or
// from the future has no usage; nor is a memory usage of 0 data (metrics-server reports it for a container that has just
// started or ended), while a CPU usage of 0 is. Each sample carries the time at which the source measured it, so that
// everything becomes stale by itself when the source is gone.
//
// The collector runs on every replica, the standby too: peaks live in memory, and a new leader needs them at once. That
// costs one request an interval and replica, however many tenants there are.
package usage
