package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// table is rows of cells; the first row is the header.
type table [][]string

func (r *Result) latencies() table {
	t := table{{"scaler", "first pod: median", "min–max", "× Metapilot", "all replicas: median", "min–max", "× Metapilot", "evicted", "restarts"}}
	for _, s := range r.Setups {
		t = append(t, []string{
			s.Title,
			r.median(s.First), r.span(s.First), s.First.times(),
			r.median(s.All), r.span(s.All), s.All.times(),
			fmt.Sprint(s.Evicted), fmt.Sprint(s.Restarts),
		})
	}
	return t
}

func (r *Result) requests() table {
	t := table{{"who", "tenants", "reads", "writes", "reads per tenant and minute", "writes per tenant and minute"}}
	for _, q := range r.Requests {
		t = append(t, []string{
			q.Who, fmt.Sprint(q.Tenants), fmt.Sprint(q.Reads), fmt.Sprint(q.Writes),
			fmt.Sprintf("%.2f", q.ReadsPerTenantAndMinute), fmt.Sprintf("%.2f", q.WritesPerTenantAndMinute),
		})
	}
	return t
}

func (r *Result) median(s Summary) string {
	if s.MedianSeconds == nil {
		return fmt.Sprintf("not within %g s", r.TimeoutSeconds)
	}
	return seconds(*s.MedianSeconds)
}

// span is the range of a summary, and how many kills were answered when that is not all.
func (r *Result) span(s Summary) string {
	switch {
	case s.Answered == 0:
		return fmt.Sprintf("0 of %d", s.Kills)
	case s.MaxSeconds == nil:
		return fmt.Sprintf("from %s; %d of %d", seconds(*s.MinSeconds), s.Answered, s.Kills)
	}
	return seconds(*s.MinSeconds) + " – " + seconds(*s.MaxSeconds)
}

func (s Summary) times() string {
	switch {
	case s.TimesReference == nil:
		return "?"
	case s.LowerBound:
		return fmt.Sprintf("> %.0f", *s.TimesReference)
	}
	return fmt.Sprintf("%.0f", *s.TimesReference)
}

// seconds is a latency with three digits that count.
func seconds(s float64) string {
	switch {
	case s < 1:
		return fmt.Sprintf("%.0f ms", s*1000)
	case s < 10:
		return fmt.Sprintf("%.2f s", s)
	}
	return fmt.Sprintf("%.1f s", s)
}

func (r *Result) text() string {
	return r.latencies().text() + "\n\n" + r.requests().text()
}

func (r *Result) markdown() string {
	return r.latencies().markdown() + "\n" + r.requests().markdown() + "\n" + r.Machine.line() + "\n"
}

func (m Machine) line() string {
	return fmt.Sprintf("%s, %d cores, %.0f GiB, %s, kernel %s, %s, load average before %s", m.CPU, m.Cores, float64(m.MemoryBytes)/(1<<30), m.System, m.Kernel, m.Go, m.LoadAverage)
}

func (t table) text() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 4, 3, ' ', 0)
	for _, row := range t {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a Builder does not fail
	return strings.TrimRight(text.String(), "\n")
}

func (t table) markdown() string {
	var text strings.Builder
	for i, row := range t {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			text.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return text.String()
}
