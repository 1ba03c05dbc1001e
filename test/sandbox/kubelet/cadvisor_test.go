package kubelet

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestCadvisor(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "t1", Name: "etcd-0", UID: "u", Annotations: map[string]string{
			UsageCPUAnnotation: "250m", UsageMemoryAnnotation: "200Mi", UsagePageCacheAnnotation: "150Mi", UsageMemoryAnnotation + ".side": "10Mi",
		}},
		Spec: corev1.PodSpec{NodeName: "node-000", Containers: []corev1.Container{{Name: "etcd"}, {Name: "side"}, {Name: "dead"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
			{Name: "etcd", State: running}, {Name: "side", State: running}, {Name: "dead"},
		}},
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	clock := clocktesting.NewFakePassiveClock(now)
	var broken error
	c := &cadvisor{pods: func() ([]*corev1.Pod, error) { return []*corev1.Pod{pod}, broken }, clock: clock, counters: map[string]counter{}}
	get := func(metric string) []string {
		answer := httptest.NewRecorder()
		c.ServeHTTP(answer, nil)
		var lines []string
		for line := range strings.Lines(answer.Body.String()) {
			if strings.HasPrefix(line, metric+"{") {
				line = strings.TrimPrefix(strings.TrimSpace(line), metric)
				lines = append(lines, strings.ReplaceAll(line, `namespace="t1",node="node-000",pod="etcd-0"`, "…"))
			}
		}
		return lines
	}
	check := func(what, metric string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, get(metric)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	const cpu = "container_cpu_usage_seconds_total"
	check("working sets", "container_memory_working_set_bytes",
		`{container="etcd",id="/kubepods/podu/etcd-0",…} 2.097152e+08`, `{container="side",id="/kubepods/podu/side-0",…} 1.048576e+07`,
		`{container="POD",id="/kubepods/podu/pause",…} 262144`, `{container="",id="/kubepods/podu",…} 2.20463104e+08`)
	check("memory without page cache", "container_memory_rss",
		`{container="etcd",id="/kubepods/podu/etcd-0",…} 5.24288e+07`, `{container="side",id="/kubepods/podu/side-0",…} 1.048576e+07`)
	clock.SetTime(now.Add(8 * time.Second))
	check("CPU after 8 s", cpu, `{container="etcd",id="/kubepods/podu/etcd-0",…} 2`, `{container="side",id="/kubepods/podu/side-0",…} 0.008`)
	pod.Status.ContainerStatuses[0].RestartCount = 1
	check("CPU after a restart", cpu, `{container="etcd",id="/kubepods/podu/etcd-1",…} 0`, `{container="side",id="/kubepods/podu/side-0",…} 0.008`)

	broken = errors.New("no pods")
	answer := httptest.NewRecorder()
	c.ServeHTTP(answer, nil)
	if answer.Code != http.StatusInternalServerError {
		t.Errorf("without pods it answers %d", answer.Code)
	}
}
