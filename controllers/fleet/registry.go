package fleet

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Registry knows the managed namespaces: those that have a ClusterScaler. It is safe for concurrent use.
type Registry struct {
	mu sync.RWMutex
	// scalers are the UIDs of each namespace's ClusterScalers; the value tells whether it is only known from the list at
	// the start, and not yet from the cache.
	scalers map[string]map[types.UID]bool
	// released is called for each namespace that stops being managed.
	released []func(namespace string)
}

// NewRegistry makes an empty registry.
func NewRegistry() *Registry {
	return &Registry{scalers: map[string]map[types.UID]bool{}}
}

// Managed tells whether the namespace has a ClusterScaler.
func (r *Registry) Managed(namespace string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.scalers[namespace]) > 0
}

// Count gives the number of managed namespaces.
func (r *Registry) Count() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.scalers)
}

// OnRelease has f called, with the registry unlocked, for each namespace that stops being managed: what is kept for the
// tenant is dropped there. f must not block.
func (r *Registry) OnRelease(f func(namespace string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.released = append(r.released, f)
}

// Manage notes that the namespace has the ClusterScaler.
func (r *Registry) Manage(namespace string, scaler types.UID) { r.put(namespace, scaler, false) }

// prime notes a ClusterScaler that was listed before the caches started.
func (r *Registry) prime(namespace string, scaler types.UID) { r.put(namespace, scaler, true) }

func (r *Registry) put(namespace string, scaler types.UID, primed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.scalers[namespace]
	if of == nil {
		of = map[types.UID]bool{}
		r.scalers[namespace] = of
	}
	of[scaler] = primed
}

// Release notes that the ClusterScaler is gone.
func (r *Registry) Release(namespace string, scaler types.UID) {
	r.mu.Lock()
	of, managed := r.scalers[namespace]
	delete(of, scaler)
	last := managed && len(of) == 0
	if last {
		delete(r.scalers, namespace)
	}
	released := r.released
	r.mu.Unlock()
	if !last {
		return
	}
	for _, f := range released {
		f(namespace)
	}
}

// settle releases what was primed and has not been seen since: it was deleted before the cache's own list.
func (r *Registry) settle() {
	type scaler struct {
		namespace string
		uid       types.UID
	}
	var gone []scaler
	r.mu.RLock()
	for namespace, of := range r.scalers {
		for uid, primed := range of {
			if primed {
				gone = append(gone, scaler{namespace, uid})
			}
		}
	}
	r.mu.RUnlock()
	for _, s := range gone {
		r.Release(s.namespace, s.uid)
	}
}
