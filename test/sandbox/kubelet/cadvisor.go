package kubelet

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/clock"
)

// What a container uses of which nothing is said; the same as in stages/metrics.yaml.
const (
	idleMilliCPU = 1
	idleMemory   = 16 << 20
	// pauseMemory is what the pod's sandbox container uses.
	pauseMemory = 256 << 10
)

// cadvisor serves what containers use under the names and labels of cAdvisor, as a kubelet does under /metrics/cadvisor. The
// numbers are those of the pods' annotations, which metrics-server gets by kwok. (kwok cannot serve them itself: it keeps one
// registry for all pages of a node.)
type cadvisor struct {
	pods  func() ([]*corev1.Pod, error)
	clock clock.PassiveClock

	mu       sync.Mutex
	counters map[string]counter // by the cgroup's path
}

// counter is CPU in core-seconds. It grows by what is used when it is looked at.
type counter struct {
	seconds float64
	at      time.Time
}

// Metrics serves what the running containers of all nodes use. Run must have called ready.
func (k *Kubelet) Metrics() http.Handler {
	return &cadvisor{
		pods:     k.Pods,
		clock:    k.clock,
		counters: map[string]counter{},
	}
}

// Pods gives all pods as they are known now; they must not be changed. Run must have called ready.
func (k *Kubelet) Pods() ([]*corev1.Pod, error) { return k.pods.List(labels.Everything()) }

// ServeHTTP serves all containers' metrics.
func (c *cadvisor) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	pods, err := c.pods()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = w.Write(c.page(pods)) // whoever asked is gone then
}

// page writes rows for every container that runs, and those of the pod's own cgroup and of its sandbox container.
func (c *cadvisor) page(pods []*corev1.Pod) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	seen := make(map[string]counter, len(c.counters))
	var cpu, workingSet, rss bytes.Buffer
	for _, pod := range pods {
		var whole int64
		cgroup := "/kubepods/pod" + string(pod.UID)
		for _, st := range pod.Status.ContainerStatuses {
			if st.State.Running == nil {
				continue
			}
			cores := float64(annotated(pod, UsageCPUAnnotation, st.Name, idleMilliCPU)) / 1000
			memory := annotated(pod, UsageMemoryAnnotation, st.Name, idleMemory*1000) / 1000
			cache := annotated(pod, UsagePageCacheAnnotation, st.Name, 0) / 1000
			whole += memory
			// A container that starts anew is another cgroup, whose counter begins at zero.
			id := fmt.Sprintf("%s/%s-%d", cgroup, st.Name, st.RestartCount)
			n := c.counters[id]
			if !n.at.IsZero() {
				n.seconds += cores * now.Sub(n.at).Seconds()
			}
			n.at = now
			seen[id] = n
			writeRow(&cpu, "container_cpu_usage_seconds_total", pod, st.Name, id, n.seconds)
			writeRow(&workingSet, "container_memory_working_set_bytes", pod, st.Name, id, float64(memory))
			writeRow(&rss, "container_memory_rss", pod, st.Name, id, float64(max(memory-cache, 0)))
		}
		if pod.Status.Phase == corev1.PodRunning {
			writeRow(&workingSet, "container_memory_working_set_bytes", pod, "POD", cgroup+"/pause", pauseMemory)
			writeRow(&workingSet, "container_memory_working_set_bytes", pod, "", cgroup, float64(whole+pauseMemory))
		}
	}
	c.counters = seen
	return slices.Concat(
		[]byte("# TYPE container_cpu_usage_seconds_total counter\n"), cpu.Bytes(),
		[]byte("# TYPE container_memory_working_set_bytes gauge\n"), workingSet.Bytes(),
		[]byte("# TYPE container_memory_rss gauge\n"), rss.Bytes(),
	)
}

// annotated gives what an annotation says of a container, in thousandths; otherwise what it is without one.
func annotated(pod *corev1.Pod, key, container string, otherwise int64) int64 {
	said, ok := pod.Annotations[key+"."+container]
	if !ok && container == pod.Spec.Containers[0].Name {
		said = pod.Annotations[key]
	}
	q, err := resource.ParseQuantity(said)
	if err != nil {
		return otherwise
	}
	return q.MilliValue()
}

// writeRow writes one row. Names of Kubernetes need no escaping.
func writeRow(b *bytes.Buffer, metric string, pod *corev1.Pod, container, id string, value float64) {
	_, _ = fmt.Fprintf(b, "%s{container=%q,id=%q,namespace=%q,node=%q,pod=%q} %s\n", // a buffer's Write never fails
		metric, container, id, pod.Namespace, pod.Spec.NodeName, pod.Name, strconv.FormatFloat(value, 'g', -1, 64))
}
