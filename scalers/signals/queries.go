package signals

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// key is what a row of an answer is about.
	key = "(namespace, pod, container)"
	// marker is the label of rows that tell when the others were measured, and mark its value.
	marker, mark = "metapilot", "at"
)

// The object counts of API servers since 1.34, and of those before.
const (
	counts    = "apiserver_resource_objects"
	oldCounts = "apiserver_storage_objects"
)

// timed adds rows with the time at which rows of a metric were scraped. Max: where two Prometheus scrape the same target.
func timed(query, scraped string) string {
	return fmt.Sprintf("(%s)\nor label_replace(max by %s (%s), %q, %q, \"\", \"\")", query, key, scraped, marker, mark)
}

// counted is the rate of a counter, summed over its labels.
//
// A row that was there one window ago gives its rate. One that was not has counted from zero since: what it has counted is its
// increase, which a rate leaves out, and with it the first 429s of all. Where there is no row, nothing has been counted. For
// both the process must have been scraped all along: its anchor is there, now and one window ago. Otherwise nothing is said.
func counted(counter, labels, anchor string) string {
	rate := fmt.Sprintf("rate(%[1]s[$window]) and %[1]s offset $window\n    or (%[1]s unless %[1]s offset $window) / $seconds", counter)
	anchored := func(at string) string { return fmt.Sprintf("max by %s (%s{$matchers}%s)", key, anchor, at) }
	return timed(fmt.Sprintf("(\n  sum by %s (max by (namespace, pod, container, %s) (\n    %s\n  ))\n  or 0 * %s\n) and %s",
		key, labels, rate, anchored(""), anchored(" offset $window")), "timestamp("+anchor+"{$matchers})")
}

// executing is how full the fullest priority level is: the seats that were taken on average over the window, for a moment's is
// chance, by its nominal ones. All levels together say little: one that rejects may be a tenth of them, and what the others
// can lend it is theirs to decide. The exempt level has no limit.
func executing() string {
	levels := `{priority_level!="exempt",$matchers}`
	level := "sum by (namespace, pod, container, priority_level) (max by (namespace, pod, container, priority_level, flow_schema)"
	return timed(fmt.Sprintf("max by %s (\n  %s (avg_over_time(apiserver_flowcontrol_current_executing_seats%s[$window])))\n"+
		"  / (max by (namespace, pod, container, priority_level) (%s%s) > 0)\n)\nor 0 * max by %s (%s%s)",
		key, level, levels, seatsAnchor, levels, key, seatsAnchor, levels), "timestamp("+seatsAnchor+"{$matchers})")
}

// waiting is the share of time that a pressure stall counter of containers tells. A container that is younger than the window
// has none: the rate would be too low.
func waiting(counter string) string {
	counter += `{container!="",container!="POD",$matchers}`
	return timed(fmt.Sprintf("max by %s (rate(%s[$window]) and %s offset $window)", key, counter, counter), "timestamp("+counter+")")
}

// objectsOf is how many objects of a kind there are.
func objectsOf(resource string) string {
	now := fmt.Sprintf(`%s{group="",resource=%q,$matchers}`, counts, resource)
	before := fmt.Sprintf(`%s{resource=%q,$matchers}`, oldCounts, resource)
	return timed(fmt.Sprintf("max by %s (%s)\nor max by %s (%s)", key, now, key, before),
		fmt.Sprintf("timestamp(%s) or timestamp(%s)", now, before))
}

// objects aggregates the counts of all kinds. A count of -1 is one that failed (the metric's help): then all is unknown.
func objects(aggregate string) string {
	of := func(metric, labels string) string {
		return fmt.Sprintf("%s by %s (max by (namespace, pod, container, %s) (%s{$matchers}))\n  unless min by %s (%s{$matchers}) < 0",
			aggregate, key, labels, metric, key, metric)
	}
	// One kind stands for the time of all: they are of one scrape.
	return timed(of(counts, "group, resource")+"\nor "+of(oldCounts, "resource"),
		fmt.Sprintf(`timestamp(%s{resource="namespaces",$matchers}) or timestamp(%s{resource="namespaces",$matchers})`, counts, oldCounts))
}

// expand puts the matchers and the window into a query.
func expand(query, matchers string, window time.Duration) string {
	seconds := strconv.FormatInt(int64(window/time.Second), 10)
	return strings.NewReplacer("$matchers", matchers, "$window", seconds+"s", "$seconds", seconds).Replace(query)
}

// isTimed tells whether the answer to a query has rows that say when the others were measured.
func isTimed(query string) bool { return strings.Contains(query, marker) }
