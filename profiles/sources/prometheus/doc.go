// Package prometheus reads the fleet's usage from anything that speaks the Prometheus API: Prometheus, Thanos, Mimir,
// VictoriaMetrics.
//
// # The tour
//
// [Settings] (settings.go) say where it is, how to prove who asks, and how much may be asked; all of it comes from the
// manager's configuration. [Source.Read] (source.go) sends three queries (promql.go), whatever the size of the fleet: memory,
// CPU, counters that went back. [Source.Next] (history.go) sends the same three over a span of the past, in chunks that
// fit the 11,000 points of the API and a bound of points in all. Both read the answer as a stream (decode.go): a container is
// given as soon as it is read. The library's own reader holds the whole answer twice; BenchmarkAnswer compares the two.
//
// client.go asks. Whatever fails is not asked again at once but after a time that doubles (budget.go); a budget of queries a
// minute keeps history from crowding out the present.
//
// A [Querier] (querier.go) asks, in the same way, any query for whoever has one, such as package scalers/signals.
//
// # Traps, and what is done
//
//   - The rate of a counter that does not reach back over the whole window is too low, without a word: of a container that
//     has just started, and of the whole fleet when Prometheus has been away. Such a CPU is left out: unknown, not small.
//   - The rate of a counter that went back is a guess, and a large one where the counter only stumbled. The CPU is unknown
//     for two windows. A restarted container is no such case where cAdvisor tells its instances apart.
//   - A working set holds page cache that the kernel would give back, in etcd most of it. For the containers in
//     [Settings.WithoutPageCache] it is the anonymous memory that counts, where the source has it.
//   - A part of a sharded source may not answer. The answer then has warnings, which are in the report. What is missing is
//     unknown, like everything that is missing.
//   - The clock that counts is the source's; times that are not near ours are refused.
package prometheus
