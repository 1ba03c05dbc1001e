// Package sources reads what the whole fleet uses, from metrics-server or from anything that speaks the Prometheus API.
//
// # The tour
//
// A [Source] is asked once an interval and gives [Sample]s one by one, as they are read; nothing of the fleet's size is held.
// A sample is one reading of one container of one pod, as package profiles takes it. Its [Report] says what was not given,
// counted by [Reason]: what is missing is unknown, and never zero. A [Historian] is a source that also knows the past, which
// it gives in chunks, from the oldest on; its [Cursor] says how far it has come, and may be kept over a restart.
//
//   - source.go         the interfaces, samples, reports; the one place where a value is judged
//   - cursor.go         where a history stands
//   - metricsserver.go  metrics.k8s.io, read by scalers/usage
//   - metered.go        a source that counts in metrics and tells warnings once; metrics.go has the metrics
//   - package prometheus   the Prometheus API: settings, queries, answers, back-off, history
//   - package answer       reading JSON as a stream
//
// Whatever the number of tenants, one interval costs metrics-server one request and Prometheus three queries. A sample may
// have only its CPU or only its memory: Prometheus is asked for one after the other, and nothing waits to be joined.
// profiles.State takes both kinds, late ones and repeated ones.
//
// A source is asked by one caller at a time.
package sources
