package clusterscaler

import (
	"maps"
	"sync"

	"github.com/metapilot/metapilot/scalers/oom"
)

// restarts remembers, by namespace, the newest incarnation known of every container, so that kills which nobody saw can
// be counted. After a restart of the manager what the objects say of answered kills is all that is known; where
// nothing is, nothing is counted as missed.
type restarts struct {
	mu    sync.Mutex
	known map[string]oom.Incarnations
}

func newRestarts() *restarts {
	return &restarts{known: map[string]oom.Incarnations{}}
}

// of gives a copy of what is known of a namespace.
func (r *restarts) of(namespace string) oom.Incarnations {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := maps.Clone(r.known[namespace])
	if out == nil {
		out = oom.Incarnations{}
	}
	return out
}

// set replaces what is known of a namespace; nothing forgets it.
func (r *restarts) set(namespace string, in oom.Incarnations) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(in) == 0 {
		delete(r.known, namespace)
		return
	}
	r.known[namespace] = in
}
