package sources

import (
	"context"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// Metered is a Source that counts what another one gives, and tells of its warnings when they change.
type Metered struct {
	source  Source
	metrics *Metrics
	clock   clock.PassiveClock
	log     logr.Logger

	warned []string
	newest time.Time
}

// NewMetered counts what a source gives.
func NewMetered(source Source, metrics *Metrics, now clock.PassiveClock, log logr.Logger) *Metered {
	return &Metered{source: source, metrics: metrics, clock: now, log: log.WithValues("source", source.Name())}
}

// Name is that of the source.
func (m *Metered) Name() string { return m.source.Name() }

// Read gives what the source gives.
func (m *Metered) Read(ctx context.Context, yield func(Sample)) (Report, error) {
	begun := m.clock.Now()
	report, err := m.source.Read(ctx, func(s Sample) {
		if s.At.After(m.newest) {
			m.newest = s.At
		}
		yield(s)
	})
	m.observe("present", begun, report, err)
	if !m.newest.IsZero() {
		m.metrics.newest.WithLabelValues(m.Name()).Set(float64(m.newest.UnixMilli()) / 1000)
	}
	if err == nil {
		m.tell(report.Warnings)
	}
	return report, err
}

// History is the history of the source, counted as well; nil where it has none.
func (m *Metered) History() Historian {
	if historian, ok := m.source.(Historian); ok {
		return meteredHistory{metered: m, historian: historian}
	}
	return nil
}

type meteredHistory struct {
	metered   *Metered
	historian Historian
}

// Next gives what the history of the source gives.
func (h meteredHistory) Next(ctx context.Context, at Cursor, yield func(Sample)) (Cursor, Report, error) {
	begun := h.metered.clock.Now()
	next, report, err := h.historian.Next(ctx, at, yield)
	h.metered.observe("history", begun, report, err)
	return next, report, err
}

func (m *Metered) observe(kind string, begun time.Time, report Report, err error) {
	outcome := "ok"
	switch {
	case err != nil:
		outcome = "error"
	case len(report.Warnings) > 0:
		outcome = "partial"
	}
	m.metrics.rounds.WithLabelValues(m.Name(), kind, outcome).Observe(m.clock.Since(begun).Seconds())
	m.metrics.count(m.Name(), report)
}

// tell logs warnings where they are not those of the reading before.
func (m *Metered) tell(warnings []string) {
	warnings = slices.Compact(slices.Sorted(slices.Values(warnings)))
	if slices.Equal(warnings, m.warned) {
		return
	}
	m.warned = warnings
	if len(warnings) == 0 {
		m.log.Info("the source answers without warnings again")
		return
	}
	m.log.Info("the source answers with warnings; what it leaves out is unknown", "warnings", warnings)
}
