package history_test

import (
	"bytes"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/history"
	"github.com/metapilot/metapilot/cli/internal/golden"
	"github.com/metapilot/metapilot/cli/show"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func of(memory string) v1alpha1.Size {
	amounts := &v1alpha1.ResourceAmounts{CPU: new(resource.MustParse("1")), Memory: new(resource.MustParse(memory))}
	return v1alpha1.Size{Replicas: new(int32(2)), Requests: amounts, Limits: amounts}
}

// record is one that was decided that long after the start.
func record(name string, after time.Duration, change func(*v1alpha1.ScalingRecord)) *v1alpha1.ScalingRecord {
	r := &v1alpha1.ScalingRecord{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "tenant-0001"},
		Spec: v1alpha1.ScalingRecordSpec{
			Scaler: "control-plane", Component: "kube-apiserver", Mode: v1alpha1.ModeAuto,
			Verdict: decision.VerdictScaleUp, Reason: decision.ReasonOOMKilled, Message: "was OOM-killed at its memory limit of 512Mi",
			From: of("512Mi"), To: of("768Mi"), DecidedAt: metav1.NewMicroTime(start.Add(after)),
		},
		Status: v1alpha1.ScalingRecordStatus{Phase: v1alpha1.PhaseSucceeded, Message: "no kill in 10m0s"},
	}
	if change != nil {
		change(r)
	}
	return r
}

func step(step v1alpha1.TimelineStep, after time.Duration) v1alpha1.TimelineEntry {
	return v1alpha1.TimelineEntry{Step: step, Time: metav1.NewMicroTime(start.Add(after))}
}

func records() []*v1alpha1.ScalingRecord {
	return []*v1alpha1.ScalingRecord{
		record("first", 0, func(r *v1alpha1.ScalingRecord) {
			r.Status.Timeline = []v1alpha1.TimelineEntry{
				step(v1alpha1.StepReported, -219*time.Millisecond), step(v1alpha1.StepDetected, -26*time.Millisecond),
				step(v1alpha1.StepActuated, 409*time.Millisecond),
			}
		}),
		record("held", 20*time.Minute, func(r *v1alpha1.ScalingRecord) {
			r.Spec.Verdict, r.Spec.Reason, r.Spec.Message = decision.VerdictHeld, decision.ReasonAtMaximum, "needs more than bounds.max.memory 768Mi: raise it, or lower the load"
			r.Spec.From, r.Spec.To = of("768Mi"), of("768Mi")
			r.Spec.Want = &v1alpha1.Size{Limits: &v1alpha1.ResourceAmounts{Memory: new(resource.MustParse("1152Mi"))}}
			r.Status = v1alpha1.ScalingRecordStatus{Phase: v1alpha1.PhaseHeld}
		}),
		record("rolled-out", 26*time.Hour, func(r *v1alpha1.ScalingRecord) {
			r.Spec.From, r.Spec.To = of("768Mi"), of("1152Mi")
			r.Status.Timeline = []v1alpha1.TimelineEntry{step(v1alpha1.StepFallback, 26*time.Hour+time.Minute), step(v1alpha1.StepRolledOut, 26*time.Hour+185*time.Second)}
		}),
		record("failed", 27*time.Hour, func(r *v1alpha1.ScalingRecord) {
			r.Status = v1alpha1.ScalingRecordStatus{Phase: v1alpha1.PhaseFailed, Message: "exceeded quota"}
		}),
		record("just-begun", 48*time.Hour, func(r *v1alpha1.ScalingRecord) { r.Status = v1alpha1.ScalingRecordStatus{} }),
	}
}

func TestHistory(t *testing.T) {
	var entries []history.Entry
	for _, r := range records() {
		entries = append(entries, history.Of(r))
	}
	entries, leftOut := history.Newest(entries, 0)
	if leftOut != 0 {
		t.Errorf("%d left out, want 0", leftOut)
	}
	table := history.Table(entries, false, start.Add(48*time.Hour))
	for _, format := range []show.Format{show.FormatTable, show.FormatWide, show.FormatCSV, show.FormatMarkdown} {
		var out bytes.Buffer
		if err := table.Write(&out, format, false); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, string(format)+".txt", out.Bytes())
	}
	var out bytes.Buffer
	if err := show.Document(&out, show.FormatYAML, entries); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "entries.yaml", out.Bytes())
}

func TestTheNewestAreKept(t *testing.T) {
	var entries []history.Entry
	for _, r := range records() {
		entries = append(entries, history.Of(r))
	}
	kept, leftOut := history.Newest(entries, 2)
	if leftOut != 3 || len(kept) != 2 || kept[0].Record != "just-begun" || kept[1].Record != "failed" {
		t.Errorf("kept %v, left out %d", kept, leftOut)
	}
}

// TestHowLongIsNotKnownWhereNothingWasDone keeps a missing step from being read as no time at all.
func TestHowLongIsNotKnownWhereNothingWasDone(t *testing.T) {
	want := map[string]time.Duration{"first": 435 * time.Millisecond, "rolled-out": 185 * time.Second}
	for _, r := range records() {
		got, ok := history.Took(r)
		if expected, known := want[r.Name]; ok != known || got != expected {
			t.Errorf("%s: took %v, %v; want %v, %v", r.Name, got, ok, expected, known)
		}
	}
}
