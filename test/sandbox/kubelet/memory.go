package kubelet

import (
	"maps"
	"time"
)

// memory is what a kubelet remembers of one pod beyond its status. step never changes one, it returns another, so a status
// that could not be written leaves no trace.
type memory struct {
	backOffs map[string]backOff   // by container
	deaths   map[string]time.Time // when a death was first seen, by the dead container's ID; statuses have whole seconds only
	actuate  time.Time            // when the admitted resize is due
	admitted int64                // the pod generation actuate is about
}

func (m memory) clone() memory {
	m.backOffs, m.deaths = maps.Clone(m.backOffs), maps.Clone(m.deaths)
	if m.backOffs == nil {
		m.backOffs = map[string]backOff{}
	}
	if m.deaths == nil {
		m.deaths = map[string]time.Time{}
	}
	return m
}

// died returns when the container of that ID was first seen dead; not seen before, it is now.
func (m memory) died(containerID string, now time.Time) time.Time {
	if t, ok := m.deaths[containerID]; ok {
		return t
	}
	m.deaths[containerID] = now
	return now
}
