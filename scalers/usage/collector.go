package usage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/size"
)

const (
	// maxBackoff is the longest wait after failures.
	maxBackoff = 5 * time.Minute
	// jitter spreads the requests of replicas, and of retries, by up to this part of the wait.
	jitter = 0.1
)

// Options are what a Collector needs. All are required.
type Options struct {
	Source     Source
	Interval   time.Duration
	Timeout    time.Duration
	PeakWindow time.Duration
	// Managed tells which namespaces are remembered.
	Managed func(namespace string) bool
	Clock   clock.Clock
	Log     logr.Logger
	Metrics prometheus.Registerer
}

// Collector remembers what the fleet's containers use. It is a Runnable of the manager; it is safe for concurrent use.
// One that was never started knows nothing, and says so.
type Collector struct {
	options Options
	metrics *metrics

	mu        sync.RWMutex
	memory    *memory
	lastError error
}

// New makes a Collector.
func New(options Options) (*Collector, error) {
	m, err := newMetrics(options.Metrics)
	if err != nil {
		return nil, err
	}
	return &Collector{options: options, metrics: m, memory: newMemory(options.PeakWindow)}, nil
}

// NeedLeaderElection is false: a new leader needs the peaks at once.
func (*Collector) NeedLeaderElection() bool { return false }

// Start collects until the context ends.
func (c *Collector) Start(ctx context.Context) error {
	failures := 0
	for {
		err := c.collect(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			failures++
			c.options.Log.Error(err, "collecting usage", "failures", failures)
		case failures > 0:
			c.options.Log.Info("usage is collected again", "failures", failures)
			failures = 0
		}
		timer := c.options.Clock.NewTimer(wait.Jitter(pause(c.options.Interval, failures), jitter))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		}
	}
}

// pause gives the time to the next request: the interval, doubled with every failure in a row up to maxBackoff.
func pause(interval time.Duration, failures int) time.Duration {
	for range failures {
		if interval >= maxBackoff {
			break
		}
		interval = min(2*interval, maxBackoff)
	}
	return interval
}

// collect asks the source once.
func (c *Collector) collect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	begun := c.options.Clock.Now()
	err := c.options.Source(ctx, c.take)

	now := c.options.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastError = err
	c.memory.prune(now, c.options.Managed)
	c.metrics.containers.Set(float64(c.memory.containers()))
	if !c.memory.newest.IsZero() {
		c.metrics.newest.Set(float64(c.memory.newest.UnixMilli()) / 1000)
	}
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	c.metrics.rounds.WithLabelValues(outcome).Observe(now.Sub(begun).Seconds())
	return err
}

// take judges one reading and remembers what it is worth.
func (c *Collector) take(r Reading) {
	if !c.options.Managed(r.Namespace) {
		return
	}
	u, result, ok := Judge(r, c.options.Clock.Now(), c.maxAge())
	c.metrics.samples.WithLabelValues(string(result)).Inc()
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory.add(r, u)
}

// Forget drops a namespace that is no longer managed.
func (c *Collector) Forget(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.memory.namespaces, namespace)
}

// Lookup gives the container's usage, or false where it is not known: never measured, or not lately.
func (c *Collector) Lookup(namespace, pod, container string) (Usage, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.memory.of(namespace, pod, container)
	if s == nil || c.options.Clock.Since(s.last.MeasuredAt) > c.maxAge() {
		return Usage{}, false
	}
	return s.last, true
}

// Before gives the container's newest usage that was measured not after a time, however long ago, or false where none is
// remembered. The last two samples are. It serves to judge a kill: what was used just before it.
func (c *Collector) Before(namespace, pod, container string, at time.Time) (Usage, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.memory.of(namespace, pod, container)
	if s == nil {
		return Usage{}, false
	}
	for _, u := range []Usage{s.last, s.before} {
		if !u.MeasuredAt.IsZero() && !u.MeasuredAt.After(at) {
			return u, true
		}
	}
	return Usage{}, false
}

// Peak gives the highest memory that the container used in any of the pods within the peak window; absent where none was
// measured. CPU is always absent.
func (c *Collector) Peak(namespace string, pods []string, container string) size.Amounts {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.memory.peak(c.options.Clock.Now(), namespace, pods, container)
}

// Fresh gives when the source measured its newest sample, and an error where that is too long ago to say anything of the
// present.
func (c *Collector) Fresh() (time.Time, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	newest := c.memory.newest
	if !newest.IsZero() && c.options.Clock.Since(newest) <= c.maxAge() {
		return newest, nil
	}
	because := c.lastError
	if because == nil {
		because = errors.New("the source has no samples of managed namespaces")
	}
	if newest.IsZero() {
		return newest, fmt.Errorf("no usage has been measured: %w", because)
	}
	return newest, fmt.Errorf("no usage has been measured since %s: %w", newest.UTC().Format(time.RFC3339), because)
}

func (c *Collector) maxAge() time.Duration { return StaleIntervals * c.options.Interval }
