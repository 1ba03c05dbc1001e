package usage

import (
	"time"

	"github.com/metapilot/metapilot/size"
)

// container names a container within its namespace. metrics-server does not give the pod's UID.
type container struct {
	pod, name string
}

// series is what is remembered of one container: constant space.
type series struct {
	last, before Usage // before is the one measured before last
	peaks        peaks
}

// memory is what is remembered of the fleet, by namespace, so that a tenant is forgotten in one step. Not safe for
// concurrent use.
type memory struct {
	window     time.Duration
	namespaces map[string]map[container]*series
	newest     time.Time // when the newest sample was measured
}

func newMemory(window time.Duration) *memory {
	return &memory{window: window, namespaces: map[string]map[container]*series{}}
}

func (m *memory) add(r Reading, u Usage) {
	of := m.namespaces[r.Namespace]
	if of == nil {
		of = map[container]*series{}
		m.namespaces[r.Namespace] = of
	}
	key := container{pod: r.Pod, name: r.Container}
	s := of[key]
	if s == nil {
		s = &series{}
		of[key] = s
	}
	if u.MeasuredAt.After(s.last.MeasuredAt) {
		s.last, s.before = u, s.last
	}
	if u.MeasuredAt.After(m.newest) {
		m.newest = u.MeasuredAt
	}
	if used, ok := u.Memory.Get(); ok {
		s.peaks.add(u.MeasuredAt, used, m.window)
	}
}

func (m *memory) of(namespace, pod, name string) *series {
	return m.namespaces[namespace][container{pod: pod, name: name}]
}

// prune forgets namespaces that are not kept, and containers that have not been measured within the window.
func (m *memory) prune(now time.Time, keep func(namespace string) bool) {
	for namespace, of := range m.namespaces {
		for key, s := range of {
			if now.Sub(s.last.MeasuredAt) > m.window {
				delete(of, key)
			}
		}
		if len(of) == 0 || !keep(namespace) {
			delete(m.namespaces, namespace)
		}
	}
}

func (m *memory) containers() int {
	n := 0
	for _, of := range m.namespaces {
		n += len(of)
	}
	return n
}

// peak gives the highest memory usage of the container in any of the pods. Its CPU is always absent.
func (m *memory) peak(now time.Time, namespace string, pods []string, name string) size.Amounts {
	var highest size.Amounts
	for _, pod := range pods {
		s := m.of(namespace, pod, name)
		if s == nil {
			continue
		}
		if used, ok := s.peaks.peak(now, m.window).Get(); ok {
			highest.Memory = size.Of(max(used, highest.Memory.Or(used)))
		}
	}
	return highest
}
