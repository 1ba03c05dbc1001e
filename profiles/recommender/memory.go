package recommender

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/vpa"
	"github.com/metapilot/metapilot/size"
)

// workload is a workload of the MetaCluster.
type workload struct {
	namespace string
	target    v1alpha1.WorkloadTarget
}

// entry is one WorkloadProfile in memory.
type entry struct {
	key        types.NamespacedName
	uid        types.UID
	workload   workload
	component  string
	generation int64
	algorithm  *v1alpha1.Algorithm
	containers map[string]*container
	// restored: the profile's checkpoint, if it has one, was read. Before that nothing is added and nothing is written;
	// kills that are seen wait.
	restored bool
	waiting  []kill
	// written is the status as it was last written, writtenGeneration the generation that it went by.
	written           []v1alpha1.ContainerProfile
	writtenGeneration int64
	fresh             freshness
	// history is what became of what the workload had used before; asked: the source was asked for it, as far as need be.
	history historyRead
	asked   bool
	// saved is when a checkpoint was last written, changed whether there is anything new since, urgent that it should not
	// wait for its turn.
	saved           time.Time
	changed, urgent bool
	// newest is when the newest sample was measured.
	newest time.Time
}

// container is what is known of one container of a workload.
type container struct {
	state *profiles.State
	// peer is the state of the algorithm VPA, kept only where that is chosen.
	peer *vpa.State
	// saved is what the newest checkpoint knows.
	saved profiles.Header
}

// chosen is the algorithm that the profile names, or the default of its component.
func (e *entry) chosen(defaults Defaults) *v1alpha1.Algorithm {
	if e.algorithm != nil {
		return e.algorithm
	}
	return defaults.of(e.component)
}

// algorithmOf gives the algorithm by which a container is sized.
func (e *entry) algorithmOf(c *container, defaults Defaults) profiles.Algorithm {
	if c.peer != nil {
		return c.peer
	}
	return algorithm(e.chosen(defaults), e.component)
}

// container gives a container's state, made where there is none.
func (e *entry) container(name string, defaults Defaults) *container {
	c := e.containers[name]
	if c == nil {
		c = &container{}
		e.containers[name] = c
		e.choosePeer(c, defaults)
		c.state = profiles.New(e.algorithmOf(c, defaults))
	}
	return c
}

// follow gives the containers what the profile's algorithm needs, after the profile has changed.
func (e *entry) follow(defaults Defaults) {
	for _, c := range e.containers {
		e.choosePeer(c, defaults)
		c.state.Follow(e.algorithmOf(c, defaults))
	}
}

// choosePeer keeps a container's state of the algorithm VPA exactly where that is chosen.
func (e *entry) choosePeer(c *container, defaults Defaults) {
	switch isVPA := e.chosen(defaults).Type == v1alpha1.AlgorithmVPA; {
	case isVPA && c.peer == nil:
		c.peer = vpa.New(len(e.containers))
	case !isVPA:
		c.peer = nil
	}
}

// names gives the containers' names, the main one first.
func (e *entry) names(main string) []string {
	names := make([]string, 0, len(e.containers))
	for name := range e.containers {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		switch main {
		case a:
			return -1
		case b:
			return 1
		default:
			return strings.Compare(a, b)
		}
	})
	return names
}

// kill is an OOM kill that a pod showed.
type kill struct {
	container, replica string
	at                 time.Time
	limit, request     size.Opt[size.Bytes]
}

// maxWaiting bounds the kills that wait for a checkpoint; a state remembers fewer.
const maxWaiting = 64

// killed takes a kill, or keeps it until the checkpoint was read. It may be taken more than once.
func (e *entry) killed(now time.Time, k kill, defaults Defaults) {
	if !e.restored {
		if len(e.waiting) < maxWaiting {
			e.waiting = append(e.waiting, k)
		}
		return
	}
	c := e.container(k.container, defaults)
	known := c.state.Counts().Kills
	c.state.OOM(now, k.at, max(k.limit.Or(0), k.request.Or(0)))
	if c.state.Counts().Kills == known {
		return
	}
	if c.peer != nil {
		c.peer.OOM(k.at, k.replica, k.request.Or(k.limit.Or(0)))
	}
	e.changed, e.urgent = true, true
}

// open lets a profile be added to, now that its checkpoint was read.
func (e *entry) open(now time.Time, defaults Defaults) {
	e.restored = true
	waiting := e.waiting
	e.waiting = nil
	for _, k := range waiting {
		e.killed(now, k, defaults)
	}
}

// memory is every profile, by its workload: a workload may have more than one, one that Metapilot made and one that a user
// did. Not safe for concurrent use.
type memory struct {
	byKey      map[types.NamespacedName]*entry
	byWorkload map[workload][]*entry
}

func newMemory() *memory {
	return &memory{byKey: map[types.NamespacedName]*entry{}, byWorkload: map[workload][]*entry{}}
}

// see takes down a profile as it is now. What was learnt stays with it, also when it is pointed at another workload or is
// made anew for the same one.
func (m *memory) see(p *v1alpha1.WorkloadProfile, defaults Defaults) *entry {
	key := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
	w := workload{namespace: p.Namespace, target: p.Spec.Target}
	e := m.byKey[key]
	switch {
	case e == nil:
		e = &entry{key: key, uid: p.UID, workload: w, containers: map[string]*container{}}
		m.byKey[key] = e
		m.byWorkload[w] = append(m.byWorkload[w], e)
	case e.workload != w:
		m.unlink(e)
		e.workload = w
		m.byWorkload[w] = append(m.byWorkload[w], e)
	}
	if e.uid != p.UID { // deleted and made anew: nothing of it is written yet, all of it is still known
		e.uid, e.written, e.writtenGeneration, e.changed, e.saved, e.fresh = p.UID, nil, 0, true, time.Time{}, freshness{}
		e.history.written = ""
		for _, c := range e.containers {
			c.saved = profiles.Header{}
		}
	}
	e.generation, e.algorithm, e.component = p.Generation, p.Spec.Algorithm, p.Labels[v1alpha1.LabelComponent]
	e.follow(defaults)
	return e
}

// of gives the profiles that a pod counts for.
func (m *memory) of(pod owned) []*entry {
	var out []*entry
	for _, w := range pod.workloads {
		out = append(out, m.byWorkload[w]...)
	}
	return out
}

// forget drops a profile.
func (m *memory) forget(key types.NamespacedName) {
	if e := m.byKey[key]; e != nil {
		m.unlink(e)
		delete(m.byKey, key)
	}
}

func (m *memory) unlink(e *entry) {
	left := slices.DeleteFunc(m.byWorkload[e.workload], func(other *entry) bool { return other == e })
	if len(left) == 0 {
		delete(m.byWorkload, e.workload)
		return
	}
	m.byWorkload[e.workload] = left
}
