package signals

import (
	"math"
	"time"

	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/profiles/sources/prometheus"
)

// maxAhead is by how much the source's clock may be ahead of ours, as in profiles/sources.
const maxAhead = 2 * time.Minute

// Value is what is known of a signal.
type Value struct {
	// Amount in the unit of the signal.
	Amount float64
	// At is when the source measured it; of several pods, the one measured longest ago.
	At time.Time
	// Pods is how many pods it is of. A component may have more, of which nothing is known.
	Pods int
}

// about is what a value is of: a component, or a tenant where that is "".
type about struct{ namespace, component string }

// values are the known ones, by namespace, so that a tenant is forgotten in one step.
type values map[string]map[string]Value

// pod is what an answer says of one pod.
type pod struct {
	amount, at     float64
	valued, marked bool
}

// podKey names a container of a pod.
type podKey struct {
	about
	pod string
}

// reading is one answer to one query, as it is read.
type reading struct {
	signal  Signal
	timed   bool // rows tell when they were measured
	now     time.Time
	maxAge  time.Duration
	managed func(namespace string) bool

	pods    map[podKey]*pod
	unknown map[sources.Reason]int
}

func (r *reading) miss(reason sources.Reason, times int) {
	if times > 0 {
		r.unknown[reason] += times
	}
}

// take remembers one row of a managed namespace.
func (r *reading) take(row prometheus.Row) {
	namespace := row.Labels[namespaceLabel]
	if !r.managed(namespace) {
		return
	}
	key := podKey{about: about{namespace: namespace, component: row.Labels[componentLabel]}, pod: row.Labels[podLabel]}
	if r.signal.Scope == Component && key.component == "" {
		r.miss(sources.ReasonMalformed, 1)
		return
	}
	p := r.pods[key]
	if p == nil {
		p = &pod{}
		r.pods[key] = p
	}
	if row.Labels[marker] == mark {
		p.at, p.marked = row.Value, true
		return
	}
	if p.valued {
		r.miss(sources.ReasonDuplicate, 1)
		if !(row.Value > p.amount) { // the higher one counts; also where one is NaN, which is judged
			return
		}
	}
	p.amount, p.valued = row.Value, true
	if !r.timed {
		p.at, p.marked = float64(row.At.UnixMilli())/1000, true
	}
}

// judge gives why a pod's value is unknown, or "".
func (r *reading) judge(p *pod) sources.Reason {
	switch {
	case math.IsNaN(p.amount) || math.IsInf(p.amount, 0):
		return sources.ReasonNotFinite
	case p.amount < 0:
		return sources.ReasonNegative
	case !p.marked || math.IsNaN(p.at) || math.IsInf(p.at, 0):
		return sources.ReasonNoTimestamp
	case p.time().Sub(r.now) > maxAhead:
		return sources.ReasonFuture
	case r.now.Sub(p.time()) > r.maxAge:
		return sources.ReasonStale
	}
	return ""
}

func (p *pod) time() time.Time { return time.UnixMilli(int64(math.Round(p.at * 1000))).UTC() }

// values gives what is known when the answer has been read. before is what was known: what is gone is counted.
func (r *reading) values(before values) values {
	known := values{}
	for key, p := range r.pods {
		if !p.valued {
			continue // of this process there is nothing but the time
		}
		if reason := r.judge(p); reason != "" {
			r.miss(reason, 1)
			continue
		}
		r.add(known, key, p)
	}
	for namespace, components := range before {
		if !r.managed(namespace) {
			continue
		}
		for component := range components {
			if _, ok := known[namespace][component]; !ok {
				r.miss(sources.ReasonAbsent, 1)
			}
		}
	}
	return known
}

func (r *reading) add(known values, key podKey, p *pod) {
	component := key.component
	if r.signal.Scope == Tenant {
		component = ""
	}
	of := known[key.namespace]
	if of == nil {
		of = map[string]Value{}
		known[key.namespace] = of
	}
	v, ok := of[component]
	v.Pods++
	switch {
	case !ok:
		v.Amount, v.At = p.amount, p.time()
	case r.signal.Across == Sum:
		v.Amount += p.amount
	default:
		v.Amount = max(v.Amount, p.amount)
	}
	if p.time().Before(v.At) {
		v.At = p.time()
	}
	of[component] = v
}

// newest gives when the newest of the values was measured.
func (v values) newest() time.Time {
	var newest time.Time
	for _, of := range v {
		for _, value := range of {
			if value.At.After(newest) {
				newest = value.At
			}
		}
	}
	return newest
}

func (v values) count() int {
	n := 0
	for _, of := range v {
		n += len(of)
	}
	return n
}
