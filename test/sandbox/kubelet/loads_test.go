package kubelet

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/metapilot/metapilot/test/sandbox/load"
)

func ownedPod(namespace, name, kind, owner, hash string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Labels: map[string]string{"pod-template-hash": hash},
			OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: owner, Controller: ptr.To(true)}},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}, {Name: "side"}}},
	}
}

func TestThePodsWorkloadIsItsDeploymentOrStatefulSet(t *testing.T) {
	for want, pod := range map[string]*corev1.Pod{
		"kube-apiserver": ownedPod("a", "kube-apiserver-7f8b-x", "ReplicaSet", "kube-apiserver-7f8b", "7f8b"),
		"etcd":           ownedPod("a", "etcd-0", "StatefulSet", "etcd", ""),
		"":               {ObjectMeta: metav1.ObjectMeta{Name: "lonely"}},
	} {
		if got := WorkloadOf(pod); got != want {
			t.Errorf("workload of %s is %q, want %q", pod.Name, got, want)
		}
	}
}

func constantOf(bytes int64) load.Load {
	return load.Load{Shape: load.Constant, To: load.Usage{MemoryBytes: bytes}, StartedAt: testStart}
}

func TestTheNarrowestLoadOfAContainerCounts(t *testing.T) {
	entries := []Entry{
		{Target{Namespace: "a", Workload: "etcd", Pod: "etcd-1"}, constantOf(3)},
		{Target{Workload: "etcd"}, constantOf(1)},
		{Target{Namespace: "a", Workload: "etcd"}, constantOf(2)},
		{Target{Namespace: "a", Workload: "etcd", Container: "side"}, constantOf(4)},
		{Target{Namespace: "a", Workload: "etc"}, constantOf(9)}, // a prefix is not the name
	}
	data := map[string]string{}
	for _, e := range entries {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		data[e.Target.Key()] = string(text)
	}
	if len(data) != len(entries) {
		t.Fatal("two targets have the same key")
	}
	l := newLoads()
	early := ownedPod("a", "etcd-0", "StatefulSet", "etcd", "")
	l.see(early)
	if _, err := l.set(data); err != nil {
		t.Fatal(err)
	}
	hot, far, other := ownedPod("a", "etcd-1", "StatefulSet", "etcd", ""), ownedPod("b", "etcd-0", "StatefulSet", "etcd", ""), ownedPod("a", "x", "StatefulSet", "x", "")
	for _, pod := range []*corev1.Pod{hot, far, other} {
		l.see(pod)
	}
	for _, tc := range []struct {
		pod  *corev1.Pod
		want map[string]int64
	}{
		{early, map[string]int64{"main": 2, "side": 4}},
		{hot, map[string]int64{"main": 3, "side": 4}},
		{far, map[string]int64{"main": 1}},
		{other, map[string]int64{}},
	} {
		if diff := cmp.Diff(tc.want, memoryBytes(l.usage(tc.pod, testStart))); diff != "" {
			t.Errorf("%s/%s (-want +got):\n%s", tc.pod.Namespace, tc.pod.Name, diff)
		}
	}
	l.forget(hot)
	if got := l.usage(hot, testStart); got != nil {
		t.Errorf("a pod that is gone uses %v", got)
	}
}

func TestABrokenEntryIsToldAndTheOthersCount(t *testing.T) {
	good, err := json.Marshal(Entry{Target{Workload: "etcd"}, constantOf(1)})
	if err != nil {
		t.Fatal(err)
	}
	noTrace, err := json.Marshal(Entry{Target{Workload: "x"}, load.Load{Shape: load.Trace, TraceFile: "/no/such/file"}})
	if err != nil {
		t.Fatal(err)
	}
	l := newLoads()
	pod := ownedPod("a", "etcd-0", "StatefulSet", "etcd", "")
	l.see(pod)
	_, err = l.set(map[string]string{"good": string(good), "broken": "{", "lost": string(noTrace)})
	if err == nil || !strings.Contains(err.Error(), "load broken") || !strings.Contains(err.Error(), "load lost") {
		t.Errorf("error is %v", err)
	}
	if l.usage(pod, testStart.Add(time.Second)) == nil {
		t.Error("the good load does not count")
	}
}

func TestASmallChangeOfUsageIsNotWritten(t *testing.T) {
	for _, tc := range []struct {
		shown string
		now   int64
		want  bool
	}{
		{"", 100, true},
		{"100", 100, false},
		{"100", 101, false},
		{"100", 103, true},
		{"100", 0, true},
		{"0", 0, false},
		{"0", 1, true},
	} {
		if got := differs(tc.shown, resource.NewQuantity(tc.now, resource.BinarySI)); got != tc.want {
			t.Errorf("shown %q, now %d: differs = %t", tc.shown, tc.now, got)
		}
	}
}
