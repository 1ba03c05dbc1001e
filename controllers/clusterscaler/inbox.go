package clusterscaler

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/scalers/oom/sighting"
)

// inboxAge is how long a kill is kept that nobody asked for. Longer than any wait between two reconciles of a tenant
// with trouble; a kill that its pod still shows is found there anyway.
const inboxAge = 10 * time.Minute

// inbox keeps the OOM kills that pod events showed until they are answered, by namespace. It is needed since an event
// can be the last sight of a kill: the pod may be deleted, or the next kill may take its place in the pod's status,
// before the tenant is reconciled. It also knows when a kill was first seen. After a restart of the manager it is empty,
// and kills are found in the pods themselves.
type inbox struct {
	mu    sync.Mutex
	kills map[string]map[oom.Key]notice
}

// notice is a kill as an event showed it, with what is needed to know whose it is when its pod is gone.
type notice struct {
	kill     oom.Kill
	pod      *corev1.Pod // labels and owners only
	detected time.Time
}

func newInbox() *inbox {
	return &inbox{kills: map[string]map[oom.Key]notice{}}
}

// put takes the kills that a pod shows, and tells whether one of them is new.
func (b *inbox) put(pod *corev1.Pod, now time.Time) (isNew bool) {
	kills := sighting.Kills(pod)
	if len(kills) == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	box := b.kills[pod.Namespace]
	if box == nil {
		box = map[oom.Key]notice{}
		b.kills[pod.Namespace] = box
	}
	for _, k := range kills {
		if _, ok := box[k.Key]; ok {
			continue
		}
		whose := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: pod.Labels, OwnerReferences: pod.OwnerReferences}}
		box[k.Key] = notice{kill: k, pod: whose, detected: now}
		isNew = true
	}
	return isNew
}

// of gives the kills noticed in a namespace, and forgets those that are older than inboxAge.
func (b *inbox) of(namespace string, now time.Time) []notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []notice
	for key, n := range b.kills[namespace] {
		if now.Sub(n.detected) > inboxAge {
			delete(b.kills[namespace], key)
			continue
		}
		out = append(out, n)
	}
	return out
}

// done forgets kills that were answered or need no answer.
func (b *inbox) done(namespace string, keys []oom.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		delete(b.kills[namespace], key)
	}
	if len(b.kills[namespace]) == 0 {
		delete(b.kills, namespace)
	}
}
