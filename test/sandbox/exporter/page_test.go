package exporter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/scalers/signals"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func podOf(namespace, name, component string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + name)},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: component, Command: []string{component, "--max-requests-inflight=100", "--max-mutating-requests-inflight=45"},
		}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: component, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}},
	}
}

func realNone(string, string) bool { return false }

// rows gives "METRIC VALUE" of the rows that match, in order.
func rows(t *testing.T, page []byte, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var out []string
	for _, line := range strings.Split(string(page), "\n") {
		if re.MatchString(line) && !strings.HasPrefix(line, "#") {
			name, _, _ := strings.Cut(line, "{")
			out = append(out, name+line[strings.LastIndex(line, " "):])
		}
	}
	return out
}

func TestAnIdleComponentTellsWhatAnIdleOneDoes(t *testing.T) {
	page := New().Page([]*corev1.Pod{podOf("t1", "a", "kube-apiserver"), podOf("t1", "k", "kube-controller-manager"), podOf("t1", "e", "etcd")}, nil, noon, realNone)
	for pattern, want := range map[string][]string{
		"rejected_requests|429":                  nil,
		`nominal_limit.*pod="a".*(low|exempt)"`:  {"apiserver_flowcontrol_nominal_limit_seats 0", "apiserver_flowcontrol_nominal_limit_seats 60"}, // 145 × 100 / 245
		`rate_limiter_duration_seconds_sum.*"k"`: {"rest_client_rate_limiter_duration_seconds_sum 0"},
		`pod="e"`:                                {"container_pressure_memory_waiting_seconds_total 0"},
		`resource="nodes"`:                       {"apiserver_resource_objects 3"},
	} {
		if diff := cmp.Diff(want, rows(t, page, pattern)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
	}
	if again := New().Page([]*corev1.Pod{podOf("t1", "e", "etcd")}, nil, noon, func(string, string) bool { return true }); len(rows(t, again, "pressure")) != 1 {
		t.Error("cAdvisor tells of a real component too")
	}
	if realOne := New().Page([]*corev1.Pod{podOf("t1", "a", "kube-apiserver")}, nil, noon, func(string, string) bool { return true }); len(rows(t, realOne, "apiserver_")) != 0 {
		t.Errorf("a real component is told of: %s", realOne)
	}
}

// The sum of a component's pods is what was set.
func TestCountersGrowByWhatIsSet(t *testing.T) {
	e := New()
	pods := []*corev1.Pod{podOf("t1", "a", "kube-apiserver"), podOf("t1", "b", "kube-apiserver"), podOf("t2", "a", "kube-apiserver")}
	settings := []Setting{{Namespace: "t1", Signal: signals.Rejections, Amount: 4}, {Namespace: "t1", Signal: signals.TooManyRequests, Amount: 6}}
	e.Page(pods, nil, noon, realNone)
	got := []string{}
	for i := range 3 {
		if i == 2 {
			settings = nil // a counter that rests stays
		}
		page := e.Page(pods, settings, noon.Add(time.Duration(i+1)*10*time.Second), realNone)
		got = append(got, rows(t, page, `rejected_requests|code="429"`)...)
	}
	want := []string{}
	for _, n := range [][2]int{{20, 30}, {40, 60}, {40, 60}} { // born with ten seconds of 2/s
		for range 2 {
			want = append(want, fmt.Sprintf("apiserver_flowcontrol_rejected_requests_total %d", n[0]))
		}
		for range 2 {
			want = append(want, fmt.Sprintf("apiserver_request_total %d", n[1]))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	pods[0].Status.ContainerStatuses[0].RestartCount++
	page := e.Page(pods, nil, noon.Add(40*time.Second), realNone)
	if got := rows(t, page, `rejected_requests.*pod="a"`); len(got) != 0 {
		t.Errorf("a process that has started anew remembers %v", got)
	}
}

// What a signal's own query would make of the rows is what was set.
func TestGaugesComeToWhatIsSet(t *testing.T) {
	var settings []Setting
	for name, amount := range map[signals.Name]float64{
		signals.Seats: 0.5, signals.Nodes: 40, signals.Pods: 900, signals.Objects: 5000, signals.LargestResource: 3000,
	} {
		settings = append(settings, Setting{Signal: name, Amount: amount})
	}
	page := New().Page([]*corev1.Pod{podOf("t1", "a", "kube-apiserver")}, settings, noon, realNone)
	sum := func(pattern string) (total, largest float64) {
		for _, row := range rows(t, page, pattern) {
			var value float64
			if _, err := fmt.Sscan(row[strings.Index(row, " "):], &value); err != nil {
				t.Fatal(err)
			}
			total, largest = total+value, max(largest, value)
		}
		return total, largest
	}
	taken, _ := sum(`executing_seats.*low"`)
	all, _ := sum(`nominal_limit_seats.*"workload-low"`)
	objects, largest := sum("resource_objects")
	nodes, _ := sum(`resource="nodes"`)
	pods, _ := sum(`resource="pods"`)
	if got, want := []float64{taken / all, objects, largest, nodes, pods}, []float64{0.5, 5000, 3000, 40, 900}; !slices.Equal(got, want) {
		t.Errorf("seats, objects, largest, nodes, pods: %v, want %v", got, want)
	}
}

func TestSettingsAreReadFromBroadToNarrow(t *testing.T) {
	data := map[string]string{"nonsense": "1", "t1.etcd.Mood": "1", "t1.etcd.Seats": "many", "t1.etcd.Pods": "-1"}
	want := []Setting{
		{Signal: signals.Nodes, Amount: 3}, {Component: "etcd", Signal: signals.MemoryPressure, Amount: 0.1},
		{Namespace: "t1", Signal: signals.Nodes, Amount: 5}, {Namespace: "t1", Component: "etcd", Signal: signals.MemoryPressure, Amount: 0.25},
	}
	for _, s := range want {
		data[s.Key()] = s.Text()
	}
	if diff := cmp.Diff(want, Read(data)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	page := New().Page([]*corev1.Pod{podOf("t1", "a", "kube-apiserver")}, Read(data), noon, realNone)
	if got := rows(t, page, `resource="nodes"`); len(got) != 1 || got[0] != "apiserver_resource_objects 5" {
		t.Errorf("the narrower one wins: %v", got)
	}
	for _, s := range []Setting{{Signal: "Mood"}, {Signal: signals.Seats, Amount: -1}} {
		if s.Validate() == nil {
			t.Errorf("%v is valid", s)
		}
	}
}
