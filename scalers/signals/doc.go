// Package signals knows what a tenant's control plane goes through: requests that are rejected, seats, throttled clients,
// pressure on memory, and how large the tenant's cluster is.
//
// # The tour
//
// [Table] (table.go) is what there is to know: a row for each signal with its unit, its query and how long a value says
// something of the present. queries.go writes the queries, each rule once. [Collector] (collector.go) asks one query per
// signal and interval for the whole fleet, of anything that speaks the Prometheus API, with the client of
// profiles/sources/prometheus; reading.go judges an answer row by row; metrics.go has the metrics. docs/signals.md explains
// each signal to the person on call.
//
// # Unknown is not zero
//
// A value that is absent, stale, from the future, negative, infinite or not a number is unknown, and counted. A counter that
// has never counted is another matter: kube-apiserver has no row of rejected requests before the first one. There a query
// gives zero, but only where the same scrape of the same process had another row, its anchor, now and one window ago.
//
// # When it was measured
//
// The time of an answer is when the query was evaluated, up to five minutes after the newest scrape. So each query also asks
// for the time of the scrape that its values are of, in rows with the label metapilot="at". A value without one is unknown:
// its target is gone, though a rate can still be taken over what it left.
//
// The collector runs on every replica, as scalers/usage does, and keeps nothing of namespaces that are not managed.
package signals
