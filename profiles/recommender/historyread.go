package recommender

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// Reasons of the condition HistoryRead.
const (
	reasonRead     = "Read"
	reasonReading  = "Reading"
	reasonPartly   = "Partly"
	reasonNoSource = "NoSource"
)

// historyRead is the condition HistoryRead. It has no write of its own: it goes along with the checkpoints, which have what was
// read.
type historyRead struct {
	// reason is "" where history is not asked for yet.
	reason, message string
	since           time.Time
	// written is the reason as it was last written.
	written string
}

// tell changes what is said of the history. What was said before is said anew with the next checkpoint.
func (e *entry) tell(reason, message string, now time.Time) {
	h := &e.history
	if (reason == reasonRead) != (h.reason == reasonRead) || h.since.IsZero() {
		h.since = now
	}
	h.reason, h.message = reason, message
	if h.written != "" && h.written != reason {
		e.changed = true
	}
}

// historyCondition gives the condition; nil where there is nothing to say.
func (r *Recommender) historyCondition(e *entry, now time.Time) *metav1ac.ConditionApplyConfiguration {
	if e.history.reason == "" && r.History == nil {
		e.tell(reasonNoSource, fmt.Sprintf("%s gives no history: what is known begins with the first measurement", r.Source.Name()), now)
	}
	h := e.history
	if h.reason == "" {
		return nil
	}
	status := metav1.ConditionFalse
	switch h.reason {
	case reasonRead:
		status = metav1.ConditionTrue
	case reasonReading:
		h.message = "the reading was interrupted, and goes on"
		if r.reading != nil && r.reading.of[e] {
			c := r.reading.cursor
			h.message = fmt.Sprintf("%d%% of what %s knows from %s to %s is read", c.Percent(), r.Source.Name(), c.From.Format(time.RFC3339), c.Until.Format(time.RFC3339))
		}
	}
	return metav1ac.Condition().WithType(v1alpha1.ConditionHistoryRead).WithStatus(status).WithReason(h.reason).
		WithMessage(h.message).WithLastTransitionTime(metav1.NewTime(h.since)).WithObservedGeneration(e.generation)
}
