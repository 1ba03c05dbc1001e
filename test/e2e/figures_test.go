package e2e_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/metapilot/metapilot/test/observe"
)

// figures are how long many answers took: from a kill being reported to the API server until the last replica was seen at
// the new size.
type figures struct {
	Scene    string  `json:"scene"`
	OOMs     int     `json:"ooms"`
	Replicas int     `json:"replicas"`
	P50      float64 `json:"p50Milliseconds"`
	P99      float64 `json:"p99Milliseconds"`
	Max      float64 `json:"maxMilliseconds"`
	// Whole is from the first kill to the last answer.
	Whole float64 `json:"wholeMilliseconds"`
}

// measure gives the figures of kills that have been answered.
func measure(scene string, h *house, kills []*killing) figures {
	GinkgoHelper()
	f := figures{Scene: scene, OOMs: len(kills), Replicas: len(kills[0].before)}
	var took []time.Duration
	var first, last time.Time
	for _, k := range kills {
		at, ok := h.grown(k)
		Expect(ok).To(BeTrue(), "%s has not grown", k)
		took = append(took, at.Sub(k.Sent))
		if first.IsZero() || k.Sent.Before(first) {
			first = k.Sent
		}
		if at.After(last) {
			last = at
		}
	}
	slices.Sort(took)
	f.P50, f.P99, f.Max, f.Whole = milliseconds(percentile(took, 50)), milliseconds(percentile(took, 99)), milliseconds(took[len(took)-1]), milliseconds(last.Sub(first))
	return f
}

// grown gives when the last replica was first seen above the size at which one was killed, and false where one was not yet.
func (h *house) grown(k *killing) (time.Time, bool) {
	return observe.Grown(h.pods(k.Namespace, k.component), k.component, k.before[0].Memory[k.component])
}

// percentile by the nearest rank, of sorted durations.
func percentile(sorted []time.Duration, p float64) time.Duration {
	return sorted[int(math.Ceil(p/100*float64(len(sorted))))-1]
}

func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*10) / 10
}

// show reports the figures as a table and as a line of JSON.
func (f figures) show() {
	line, err := json.Marshal(f)
	Expect(err).NotTo(HaveOccurred())
	table := strings.Join([]string{
		fmt.Sprintf("%-8s %-9s %12s %12s %12s %12s", "OOMS", "REPLICAS", "P50", "P99", "MAX", "WHOLE"),
		fmt.Sprintf("%-8d %-9d %9.1f ms %9.1f ms %9.1f ms %9.1f ms", f.OOMs, f.Replicas, f.P50, f.P99, f.Max, f.Whole),
	}, "\n")
	show(f.Scene+": OOM reported → resize accepted for all replicas", "%s\n%s", table, line)
}
