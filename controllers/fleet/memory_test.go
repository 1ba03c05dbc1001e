package fleet

import (
	"runtime"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// BenchmarkPodMemory reports what one pod of one container costs in the cache: as the API server gives it, trimmed (a
// tenant's), and as a stub (everybody else's). Each is decoded anew, as an informer's objects are.
func BenchmarkPodMemory(b *testing.B) {
	raw, err := apiServerPod("t1", "kube-apiserver-6f7d8c9b5d-abcde").Marshal()
	if err != nil {
		b.Fatal(err)
	}
	for name, keep := range map[string]func(*corev1.Pod) *corev1.Pod{
		"whole":   func(p *corev1.Pod) *corev1.Pod { return p },
		"trimmed": trimPod,
		"stub":    func(p *corev1.Pod) *corev1.Pod { return &corev1.Pod{ObjectMeta: stub(p.ObjectMeta)} },
	} {
		b.Run(name, func(b *testing.B) {
			kept := make([]*corev1.Pod, b.N)
			before := heap()
			for i := range kept {
				var pod corev1.Pod
				if err := pod.Unmarshal(raw); err != nil {
					b.Fatal(err)
				}
				kept[i] = keep(&pod)
			}
			b.ReportMetric(float64(heap()-before)/float64(b.N), "B/pod")
			runtime.KeepAlive(kept)
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
