package prometheus

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The metrics of cAdvisor, as kubelets serve them under /metrics/cadvisor.
const (
	cpuCounter       = "container_cpu_usage_seconds_total"
	workingSetGauge  = "container_memory_working_set_bytes"
	anonymousGauge   = "container_memory_rss"
	containerOf      = "max by (namespace, pod, container) "
	rowsOfContainers = `container!="",container!="POD"` // not those of a pod's cgroup and of its sandbox
)

// queries are what is asked, each for the whole fleet: one row a container of a pod.
type queries struct {
	memory, cpu, resets string
}

// queries makes the queries for a window.
//
// A rate is given only where the counter has a point in the first fifth of the window, for the rate of one that begins later
// is too low by what is missing; and where it has not gone back, in this window or in the one before: a counter that stumbles
// goes back and then leaps forward, and the leap may be in the window alone. All of it is one query, since between two a
// counter may go back. The other query only tells which counters did.
func (s Settings) queries(window time.Duration) queries {
	over := func(metric string, span, offset time.Duration, more ...string) string {
		q := metric + "{" + s.selector(more...) + "}[" + seconds(span) + "]"
		if offset > 0 {
			q += " offset " + seconds(offset)
		}
		return q
	}
	resets := "resets(" + over(cpuCounter, 2*window, 0) + ")"
	first := max((window / 5).Truncate(time.Second), time.Second)
	return queries{
		memory: s.memoryQuery(window, over),
		resets: containerOf + "(" + resets + ") > 0",
		cpu: containerOf + "(rate(" + over(cpuCounter, window, 0) + ") and count_over_time(" +
			over(cpuCounter, first, window-first) + ") unless " + resets + " > 0)",
	}
}

// memoryQuery prefers the anonymous memory for containers whose page cache does not count. One that says 0 does not know.
func (s Settings) memoryQuery(window time.Duration, over func(metric string, span, offset time.Duration, more ...string) string) string {
	peak := func(metric string, more ...string) string {
		return containerOf + "(max_over_time(" + over(metric, window, 0, more...) + "))"
	}
	if s.WithoutPageCache == none {
		return peak(workingSetGauge)
	}
	without, others := matcher("container", Matches, s.WithoutPageCache), matcher("container", MatchesNot, s.WithoutPageCache)
	return peak(workingSetGauge, others) + " or " + peak(anonymousGauge, without) + " > 0 or " + peak(workingSetGauge, without)
}

// within narrows what is asked for to some namespaces; none: it stays as it is.
func (s Settings) within(namespaces []string) Settings {
	if len(namespaces) == 0 {
		return s
	}
	names := make([]string, 0, len(namespaces))
	for _, name := range namespaces {
		names = append(names, regexp.QuoteMeta(name))
	}
	s.Matchers = append(slices.Clone(s.Matchers), Matcher{Label: "namespace", Op: Matches, Value: strings.Join(names, "|")})
	return s
}

// selector is what all queries ask for, and more.
func (s Settings) selector(more ...string) string {
	parts := []string{rowsOfContainers}
	for _, m := range s.Matchers {
		parts = append(parts, matcher(m.Label, m.Op, m.Value))
	}
	return strings.Join(append(parts, more...), ",")
}

// matcher escapes the value: PromQL has Go's rules for strings.
func matcher(label string, op Op, value string) string {
	return label + string(op) + strconv.Quote(value)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int64(d/time.Second)) }
