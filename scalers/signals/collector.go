package signals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	client "github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/profiles/sources/prometheus"
)

const (
	// maxBackoff is the longest wait after a query that was at fault, as in scalers/usage.
	maxBackoff = 5 * time.Minute
	// jitter spreads the rounds of replicas by up to this part of the interval, as in scalers/usage.
	jitter = 0.1
	// staleIntervals is how many intervals a value may be old where these are longer than its freshness, as in scalers/usage.
	staleIntervals = 3
)

// Options are what a Collector needs. All but Queries and Matchers are required.
type Options struct {
	// Ask asks one query: the Query of a prometheus.Querier.
	Ask func(ctx context.Context, promQL string, yield func(prometheus.Row)) (prometheus.Answer, error)
	// Matchers narrow every query of the table, as they stand between braces.
	Matchers string
	// Queries are asked in place of those of the table.
	Queries map[Name]string
	// Interval between two rounds; Window is that of the rates, in whole seconds.
	Interval, Window time.Duration
	// Managed tells which namespaces are remembered.
	Managed func(namespace string) bool
	Clock   clock.Clock
	Log     logr.Logger
	Metrics client.Registerer
}

// Collector remembers the fleet's signals. It is a Runnable of the manager; it is safe for concurrent use. One that was never
// started knows nothing, and says so.
type Collector struct {
	options Options
	metrics *metrics
	states  []*state // in the order of the table

	mu sync.RWMutex // of what a state remembers
}

// state is a signal with what is remembered of it.
type state struct {
	signal Signal
	query  string
	timed  bool
	maxAge time.Duration

	// Of the round alone.
	failures int
	until    time.Time // not asked before, for it was at fault
	warned   []string

	// Shared.
	known  values
	newest time.Time
	err    error
}

// New makes a Collector. It asks nothing.
func New(options Options) (*Collector, error) {
	m, err := newMetrics(options.Metrics)
	if err != nil {
		return nil, err
	}
	c := &Collector{options: options, metrics: m}
	for _, s := range Table() {
		if own, ok := options.Queries[s.Name]; ok {
			s.Query = own
		}
		c.states = append(c.states, &state{
			signal: s,
			query:  expand(s.Query, options.Matchers, options.Window),
			timed:  isTimed(s.Query),
			maxAge: max(s.Fresh, staleIntervals*options.Interval),
		})
	}
	return c, nil
}

// NeedLeaderElection is false: a new leader needs the present at once.
func (*Collector) NeedLeaderElection() bool { return false }

// Start collects until the context ends.
func (c *Collector) Start(ctx context.Context) error {
	for {
		c.round(ctx)
		timer := c.options.Clock.NewTimer(wait.Jitter(c.options.Interval, jitter))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		}
	}
}

// round asks for every signal in turn. A server in trouble is not asked for the others: they would fare no better.
func (c *Collector) round(ctx context.Context) {
	for i, s := range c.states {
		if c.options.Clock.Now().Before(s.until) {
			continue
		}
		err := c.ask(ctx, s)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil || prometheus.AtFault(err):
			continue
		}
		if !errors.Is(err, sources.ErrHeld) {
			for _, other := range c.states[i+1:] {
				c.fail(other, err)
			}
		}
		return
	}
}

// ask asks for one signal. What was known before an error goes stale by itself.
func (c *Collector) ask(ctx context.Context, s *state) error {
	begun := c.options.Clock.Now()
	r := reading{
		signal: s.signal, timed: s.timed, maxAge: s.maxAge, managed: c.options.Managed,
		pods: map[podKey]*pod{}, unknown: map[sources.Reason]int{},
	}
	answer, err := c.options.Ask(ctx, s.query, r.take)
	r.now = c.options.Clock.Now()
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, sources.ErrHeld):
		return err // the error that is remembered is the one that led to it
	case err != nil:
		c.failed(s, err)
		c.observe(s, "error", r.now.Sub(begun), &r, answer)
		return err
	}
	r.miss(sources.ReasonMalformed, answer.Malformed)
	if answer.Rows+answer.Malformed == 0 {
		r.miss(sources.ReasonEmpty, 1)
	}
	c.learn(s, &r)
	outcome := "ok"
	if len(answer.Warnings) > 0 {
		outcome = "partial"
	}
	c.observe(s, outcome, r.now.Sub(begun), &r, answer)
	if s.failures > 0 {
		c.options.Log.Info("the signal is read again", "signal", s.signal.Name, "failures", s.failures)
	}
	s.failures, s.until = 0, time.Time{}
	c.tell(s, answer.Warnings)
	return nil
}

// learn replaces what was known by what the answer says: what is not in it is unknown.
func (c *Collector) learn(s *state, r *reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.known = r.values(s.known)
	s.err = nil
	if newest := s.known.newest(); newest.After(s.newest) {
		s.newest = newest
	}
}

// failed notes a failure of a query that was sent.
func (c *Collector) failed(s *state, err error) {
	if s.failures == 0 {
		c.options.Log.Error(err, "reading a signal", "signal", s.signal.Name)
	}
	s.failures++
	if prometheus.AtFault(err) {
		s.until = c.options.Clock.Now().Add(pause(c.options.Interval, s.failures))
	}
	c.fail(s, err)
}

func (c *Collector) fail(s *state, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.err = err
}

// pause gives the time to the next try: the interval, doubled with every failure in a row up to maxBackoff.
func pause(interval time.Duration, failures int) time.Duration {
	for range failures {
		if interval >= maxBackoff {
			break
		}
		interval = min(2*interval, maxBackoff)
	}
	return interval
}

func (c *Collector) observe(s *state, outcome string, took time.Duration, r *reading, answer prometheus.Answer) {
	name := string(s.signal.Name)
	c.metrics.queries.WithLabelValues(name, outcome).Observe(took.Seconds())
	c.metrics.warnings.WithLabelValues(name).Add(float64(len(answer.Warnings)))
	for reason, n := range r.unknown {
		c.metrics.unknown.WithLabelValues(name, string(reason)).Add(float64(n))
	}
	c.mu.RLock()
	known := s.known.count()
	c.mu.RUnlock()
	c.metrics.values.WithLabelValues(name).Set(float64(known))
	if !s.newest.IsZero() {
		c.metrics.newest.WithLabelValues(name).Set(float64(s.newest.UnixMilli()) / 1000)
	}
}

// tell logs warnings where they are not those of the answer before.
func (c *Collector) tell(s *state, warnings []string) {
	warnings = slices.Compact(slices.Sorted(slices.Values(warnings)))
	if slices.Equal(warnings, s.warned) {
		return
	}
	s.warned = warnings
	if len(warnings) == 0 {
		c.options.Log.Info("the signal is answered without warnings again", "signal", s.signal.Name)
		return
	}
	c.options.Log.Info("the signal is answered with warnings; what is left out is unknown", "signal", s.signal.Name, "warnings", warnings)
}

// Forget drops a namespace that is no longer managed.
func (c *Collector) Forget(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.states {
		delete(s.known, namespace)
	}
}

// Lookup gives the signal of a tenant's component, or false where it is not known: never measured, or not lately. The component
// is the name of its container; it is ignored for signals that are of the whole tenant.
func (c *Collector) Lookup(namespace, component string, signal Name) (Value, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.state(signal)
	if s == nil {
		return Value{}, false
	}
	if s.signal.Scope == Tenant {
		component = ""
	}
	v, ok := s.known[namespace][component]
	if !ok || c.options.Clock.Since(v.At) > s.maxAge {
		return Value{}, false
	}
	return v, true
}

// Fresh gives when the source measured the newest value of a signal, and an error where that is too long ago to say anything of
// the present.
func (c *Collector) Fresh(signal Name) (time.Time, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.state(signal)
	if s == nil {
		return time.Time{}, fmt.Errorf("there is no signal %q; there are %v", signal, Names())
	}
	if !s.newest.IsZero() && c.options.Clock.Since(s.newest) <= s.maxAge {
		return s.newest, nil
	}
	because := s.err
	if because == nil {
		because = errors.New("the source has no values of managed namespaces")
	}
	if s.newest.IsZero() {
		return s.newest, fmt.Errorf("%s has not been measured: %w", signal, because)
	}
	return s.newest, fmt.Errorf("%s has not been measured since %s: %w", signal, s.newest.Format(time.RFC3339), because)
}

func (c *Collector) state(signal Name) *state {
	i := slices.IndexFunc(c.states, func(s *state) bool { return s.signal.Name == signal })
	if i < 0 {
		return nil
	}
	return c.states[i]
}
