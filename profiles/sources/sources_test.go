package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/scalers/usage"
	"github.com/metapilot/metapilot/size"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestGive(t *testing.T) {
	none := size.Opt[float64]{}
	for name, tc := range map[string]struct {
		at          time.Time
		cpu, memory size.Opt[float64]
		want        string
		wantUnknown map[Reason]int
	}{
		"both":               {at: noon, cpu: size.Of(0.5), memory: size.Of(1e9), want: "0.5 1e+09"},
		"one":                {at: noon, cpu: size.Of(0.5), memory: none, want: "0.5 none"},
		"neither":            {at: noon, cpu: none, memory: none},
		"no number":          {at: noon, cpu: size.Of(math.NaN()), memory: size.Of(1e9), want: "none 1e+09", wantUnknown: map[Reason]int{ReasonNotFinite: 1}},
		"below nothing":      {at: noon, cpu: size.Of(-1.0), memory: size.Of(-1.0), wantUnknown: map[Reason]int{ReasonNegative: 2}},
		"beyond any machine": {at: noon, cpu: size.Of(1e12), memory: size.Of(1e18), wantUnknown: map[Reason]int{ReasonImplausible: 2}},
		"a memory of 0":      {at: noon, cpu: size.Of(0.0), memory: size.Of(0.0), want: "0 none", wantUnknown: map[Reason]int{ReasonZeroMemory: 1}},
		"just not stale":     {at: noon.Add(-time.Minute), cpu: size.Of(1.0), memory: none, want: "1 none"},
		"stale":              {at: noon.Add(-time.Minute - 1), cpu: size.Of(1.0), memory: none, wantUnknown: map[Reason]int{ReasonStale: 1}},
		"stale and wrong":    {at: noon.Add(-time.Hour), cpu: size.Of(-1.0), memory: none, wantUnknown: map[Reason]int{ReasonNegative: 1}},
		"from 1970":          {at: time.Unix(1, 0), cpu: size.Of(1.0), memory: none, wantUnknown: map[Reason]int{ReasonStale: 1}},
		"from the future":    {at: noon.Add(time.Hour), cpu: size.Of(1.0), memory: none, wantUnknown: map[Reason]int{ReasonFuture: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var r Report
			got := ""
			r.Give(Sample{Sample: profiles.Sample{At: tc.at, CPU: tc.cpu, Memory: tc.memory}}, noon, time.Minute, func(s Sample) {
				got = fmt.Sprintf("%s %s", s.CPU, s.Memory)
			})
			if got != tc.want {
				t.Errorf("given %q, want %q", got, tc.want)
			}
			if diff := cmp.Diff(tc.wantUnknown, r.Unknown, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("unknown (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryVerdictHasItsReason fails when package profiles gets a verdict that is not counted here.
func TestEveryVerdictHasItsReason(t *testing.T) {
	for v := profiles.Absent; v.String() != "unknown"; v++ {
		if rejected, reason := v.Rejected(), reasonOf(v); rejected != (reason != "") {
			t.Errorf("the verdict %s has the reason %q", v, reason)
		}
	}
}

func TestMetricsServerGivesWhatWasMeasuredExactly(t *testing.T) {
	at := noon.Add(-10 * time.Second)
	for name, tc := range map[string]struct {
		readings   []usage.Reading
		want       []string
		wantReport Report
	}{
		"a container": {
			readings:   []usage.Reading{{Namespace: "t1", Pod: "etcd-0", Container: "etcd", MeasuredAt: at, Window: 15 * time.Second, CPU: "12345678n", Memory: "34567Ki"}},
			want:       []string{"t1/etcd-0/etcd 12.345678 3.5396608e+07 11:59:50 15s"},
			wantReport: Report{CPU: 1, Memory: 1},
		},
		"what is no usage": {
			readings: []usage.Reading{
				{Namespace: "t1", Pod: "a", Container: "a", MeasuredAt: at, CPU: "1", Memory: "0"},
				{Namespace: "t1", Pod: "a", Container: "b", MeasuredAt: at, CPU: "", Memory: "1Gi"},
				{Namespace: "t1", Pod: "a", Container: "c", MeasuredAt: at, CPU: "NaN", Memory: "-1"},
				{Namespace: "t1", Pod: "a", Container: "d", CPU: "1", Memory: "1Gi"},
				{Namespace: "t1", Pod: "a", Container: "e", MeasuredAt: noon.Add(-time.Hour), CPU: "1", Memory: "1Gi"},
			},
			want: []string{"t1/a/a 1000 none 11:59:50 0s", "t1/a/b none 1.073741824e+09 11:59:50 0s"},
			wantReport: Report{CPU: 1, Memory: 1, Unknown: map[Reason]int{
				ReasonZeroMemory: 1, ReasonAbsent: 1, ReasonMalformed: 1, ReasonNegative: 1, ReasonNoTimestamp: 1, ReasonStale: 2,
			}},
		},
		"an empty answer": {wantReport: Report{Unknown: map[Reason]int{ReasonEmpty: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			source := MetricsServer(func(_ context.Context, yield func(usage.Reading)) error {
				for _, r := range tc.readings {
					yield(r)
				}
				return nil
			}, clocktesting.NewFakePassiveClock(noon))
			var got []string
			report, err := source.Read(t.Context(), func(s Sample) {
				got = append(got, fmt.Sprintf("%s/%s/%s %s %s %s %s", s.Namespace, s.Replica, s.Container, s.CPU, s.Memory, s.At.Format(time.TimeOnly), s.Window))
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
			tc.wantReport.Queries = 1
			if diff := cmp.Diff(tc.wantReport, report, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAMetricsServerThatFailsIsNotEmpty(t *testing.T) {
	broken := errors.New("broken")
	source := MetricsServer(func(context.Context, func(usage.Reading)) error { return broken }, clocktesting.NewFakePassiveClock(noon))
	report, err := source.Read(t.Context(), func(Sample) {})
	if !errors.Is(err, broken) || len(report.Unknown) > 0 {
		t.Errorf("report %+v (%v)", report, err)
	}
}

func TestACursorSaysHowFarItIs(t *testing.T) {
	c := NewCursor(noon, 10*time.Hour)
	for hours, want := range map[int]int32{0: 0, 1: 10, 9: 90, 10: 100, 11: 100} {
		c.Next = c.From.Add(time.Duration(hours) * time.Hour)
		if got := c.Percent(); got != want || c.Done() != (want == 100) {
			t.Errorf("after %d of 10 hours it is at %d%%, done: %v", hours, got, c.Done())
		}
	}
	if c := (Cursor{}); !c.Done() || c.Percent() != 100 {
		t.Errorf("the zero cursor is at %s", c)
	}
	if c := NewCursor(noon, -time.Hour); !c.Done() {
		t.Errorf("a span below nothing is at %s", c)
	}
	before := NewCursor(noon.Add(time.Millisecond), time.Hour)
	before.Namespaces = []string{"tenant-0001"}
	before.Chunk = 5 * time.Minute
	kept, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after Cursor
	if err := json.Unmarshal(kept, &after); err != nil || !cmp.Equal(after, before) {
		t.Errorf("the cursor %+v comes back as %+v (%v)", before, after, err)
	}
}

// fake is a source with a history.
type fake struct {
	report Report
	err    error
	at     time.Time
}

func (*fake) Name() string { return "fake" }

func (f *fake) Read(_ context.Context, yield func(Sample)) (Report, error) {
	yield(Sample{Sample: profiles.Sample{At: f.at}})
	return f.report, f.err
}

func (f *fake) Next(_ context.Context, at Cursor, _ func(Sample)) (Cursor, Report, error) {
	at.Next = at.Until
	return at, f.report, f.err
}

// present is a source without a history.
type present struct{ Source }

func TestMetered(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewMetrics(registry); err != nil {
		t.Errorf("a second manager of the process: %v", err)
	}
	var logged []string
	log := funcr.New(func(_, args string) { logged = append(logged, args) }, funcr.Options{})
	f := &fake{report: Report{Queries: 3, CPU: 10, Memory: 20, Unknown: map[Reason]int{ReasonStale: 2, ReasonEmpty: 1}}, at: noon}
	m := NewMetered(f, metrics, clocktesting.NewFakePassiveClock(noon), log)
	read := func() {
		t.Helper()
		given := 0
		if _, err := m.Read(t.Context(), func(Sample) { given++ }); !errors.Is(err, f.err) || given != 1 {
			t.Errorf("%d samples (%v)", given, err)
		}
	}
	read()
	for range 3 { // the same warnings in another order are the same
		f.report.Warnings = []string{"b", "a"}
		read()
		f.report.Warnings = []string{"a", "b"}
		read()
	}
	f.report.Warnings, f.err, f.at = nil, errors.New("broken"), noon.Add(-time.Hour)
	read()
	f.err = nil
	read()
	if _, _, err := m.History().Next(t.Context(), NewCursor(noon, time.Hour), nil); err != nil {
		t.Error(err)
	}

	if len(logged) != 2 || !strings.Contains(logged[0], `"warnings"=["a" "b"]`) || !strings.Contains(logged[1], "without warnings again") {
		t.Errorf("logged:\n%s", strings.Join(logged, "\n"))
	}
	if NewMetered(present{f}, metrics, clocktesting.NewFakePassiveClock(noon), log).History() != nil {
		t.Error("a source without a history has one")
	}
	want := []string{
		`metapilot_profile_source_newest_sample_timestamp_seconds source=fake: 1.7955216e+09`,
		`metapilot_profile_source_queries_total source=fake: 30`,
		`metapilot_profile_source_read_seconds kind=history outcome=ok source=fake: 1`,
		`metapilot_profile_source_read_seconds kind=present outcome=error source=fake: 1`,
		`metapilot_profile_source_read_seconds kind=present outcome=ok source=fake: 2`,
		`metapilot_profile_source_read_seconds kind=present outcome=partial source=fake: 6`,
		`metapilot_profile_source_unknown_total reason=empty source=fake: 10`,
		`metapilot_profile_source_unknown_total reason=stale source=fake: 20`,
		`metapilot_profile_source_values_total resource=cpu source=fake: 100`,
		`metapilot_profile_source_values_total resource=memory source=fake: 200`,
		`metapilot_profile_source_warnings_total source=fake: 12`,
	}
	if diff := cmp.Diff(want, gather(t, registry)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// gather gives all metrics as lines: of a histogram the number of observations.
func gather(t *testing.T, registry *prometheus.Registry) []string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			line := f.GetName()
			for _, l := range m.GetLabel() {
				line += " " + l.GetName() + "=" + l.GetValue()
			}
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			lines = append(lines, fmt.Sprintf("%s: %g", line, value))
		}
	}
	return lines
}
