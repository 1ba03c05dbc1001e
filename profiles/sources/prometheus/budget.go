package prometheus

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/profiles/sources"
)

const (
	// firstBackOff is the time after a first failure; it doubles up to maxBackOff, which also bounds what a server asks for.
	firstBackOff = 10 * time.Second
	maxBackOff   = 5 * time.Minute
	// jitter is by how much of itself a time may be longer, so that replicas do not come back together.
	jitter = 0.2
)

// budget says when a query may be sent. It is safe for concurrent use.
type budget struct {
	clock     clock.PassiveClock
	perMinute float64

	mu       sync.Mutex
	left     float64
	filledAt time.Time
	backOff  wait.Backoff
	until    time.Time // not asked before
	failures int
}

func newBudget(perMinute int, now clock.PassiveClock) *budget {
	return &budget{
		clock: now, perMinute: float64(perMinute), left: float64(perMinute), filledAt: now.Now(), backOff: freshBackOff(),
	}
}

func freshBackOff() wait.Backoff {
	return wait.Backoff{Duration: firstBackOff, Factor: 2, Jitter: jitter, Steps: 20, Cap: maxBackOff}
}

// take takes n queries from the budget, or says why not. Reserve is how many must be left afterwards.
func (b *budget) take(n, reserve int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	if now.Before(b.until) {
		return fmt.Errorf("%w: it failed %d times in a row and is asked again at %s", sources.ErrHeld, b.failures, b.until.UTC().Format(time.RFC3339))
	}
	b.left = min(b.left+max(now.Sub(b.filledAt), 0).Minutes()*b.perMinute, b.perMinute)
	b.filledAt = now
	if b.left < float64(n+reserve) {
		return fmt.Errorf("%w: its %g queries a minute are used up", sources.ErrHeld, b.perMinute)
	}
	b.left -= float64(n)
	return nil
}

// succeeded forgets failures.
func (b *budget) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.backOff = 0, freshBackOff()
}

// failed holds the next query back, for retryAfter or longer.
func (b *budget) failed(retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	pause := max(b.backOff.Step(), min(retryAfter, maxBackOff))
	b.until = b.clock.Now().Add(pause)
}
