package kubelet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/metapilot/metapilot/test/sandbox/load"
)

// LoadsConfigMap is the ConfigMap in kube-system that holds the loads, one entry each, so that any process can set one and
// a sandbox that is attached to sees the same ones.
const LoadsConfigMap = "sandbox-loads"

// Target is whom a load is for.
type Target struct {
	Namespace string `json:"namespace,omitempty"` // "" is every namespace
	Workload  string `json:"workload"`            // name of the Deployment or StatefulSet
	Pod       string `json:"pod,omitempty"`       // one pod of it; "" is all, those to come too
	Container string `json:"container,omitempty"` // "" is the pod's first
}

// Entry is a load and whom it is for.
type Entry struct {
	Target Target    `json:"target"`
	Load   load.Load `json:"load"`
}

// Key is the entry's name in the ConfigMap: a load for the same target replaces the one before.
func (t Target) Key() string {
	parts := []string{t.Namespace, t.Workload, t.Pod, t.Container}
	for i, p := range parts {
		if p == "" {
			parts[i] = "_"
		}
	}
	return strings.Join(parts, ".")
}

// matches reports whether the target is about that pod.
func (t Target) matches(pod *corev1.Pod) bool {
	return (t.Namespace == "" || t.Namespace == pod.Namespace) && (t.Pod == "" || t.Pod == pod.Name) && t.Workload == WorkloadOf(pod)
}

// narrowness orders targets: the narrower one wins where several match.
func (t Target) narrowness() int {
	n := 0
	if t.Namespace != "" {
		n++
	}
	if t.Pod != "" {
		n += 2
	}
	return n
}

// WorkloadOf returns the name of the workload a pod belongs to: its StatefulSet, or the Deployment of its ReplicaSet; "" for
// a pod without one.
func WorkloadOf(pod *corev1.Pod) string {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return ""
	}
	if hash := pod.Labels["pod-template-hash"]; owner.Kind == "ReplicaSet" && hash != "" {
		return strings.TrimSuffix(owner.Name, "-"+hash)
	}
	return owner.Name
}

// loads knows which pods have a load. Its methods may be called from several goroutines.
type loads struct {
	mu      sync.Mutex
	entries []loaded
	pods    map[types.NamespacedName]*corev1.Pod // every running pod, to find those of a new load
	targets map[types.NamespacedName][]loaded    // by pod that has a load; one per container
}

// loaded is an entry with its trace at hand.
type loaded struct {
	Entry
	points []load.Point
}

func newLoads() *loads {
	return &loads{pods: map[types.NamespacedName]*corev1.Pod{}, targets: map[types.NamespacedName][]loaded{}}
}

func (l *loads) see(pod *corev1.Pod) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
	l.pods[name] = pod
	l.match(name, pod)
}

func (l *loads) forget(pod *corev1.Pod) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
	delete(l.pods, name)
	delete(l.targets, name)
}

// match finds the loads of a pod; l.mu is held.
func (l *loads) match(name types.NamespacedName, pod *corev1.Pod) {
	byContainer := map[string]loaded{}
	for _, e := range l.entries { // from broad to narrow
		if e.Target.matches(pod) {
			container := e.Target.Container
			if container == "" {
				container = pod.Spec.Containers[0].Name
			}
			e.Target.Container = container
			byContainer[container] = e
		}
	}
	if len(byContainer) == 0 {
		delete(l.targets, name)
		return
	}
	l.targets[name] = slices.Collect(maps.Values(byContainer))
}

// set replaces all loads. It returns the pods that had or have one, and what was wrong with an entry: those are left out.
func (l *loads) set(data map[string]string) ([]types.NamespacedName, error) {
	var entries []loaded
	var errs []error
	for key, text := range data {
		var e loaded
		if err := json.Unmarshal([]byte(text), &e.Entry); err != nil {
			errs = append(errs, fmt.Errorf("load %s: %w", key, err))
			continue
		}
		if e.Load.Shape == load.Trace {
			points, err := load.ReadTrace(e.Load.TraceFile)
			if err != nil {
				errs = append(errs, fmt.Errorf("load %s: %w", key, err))
				continue
			}
			e.points = points
		}
		entries = append(entries, e)
	}
	slices.SortStableFunc(entries, func(a, b loaded) int { return a.Target.narrowness() - b.Target.narrowness() })
	l.mu.Lock()
	defer l.mu.Unlock()
	touched := l.names()
	l.entries = entries
	for name, pod := range l.pods {
		l.match(name, pod)
	}
	return append(touched, l.names()...), errors.Join(errs...)
}

// names returns the pods with a load; l.mu is held.
func (l *loads) names() []types.NamespacedName { return slices.Collect(maps.Keys(l.targets)) }

// usage returns what the pod's containers use now, by container; a container without a load is not in it.
func (l *loads) usage(pod *corev1.Pod, now time.Time) map[string]load.Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	targets := l.targets[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}]
	if len(targets) == 0 {
		return nil
	}
	usage := make(map[string]load.Usage, len(targets))
	for _, t := range targets {
		usage[t.Target.Container] = t.Load.At(now, t.points)
	}
	return usage
}

// watchLoads follows the ConfigMap. The returned function ends that and waits for it.
func (k *Kubelet) watchLoads(ctx context.Context) (stop func(), err error) {
	factory := informers.NewSharedInformerFactoryWithOptions(k.client, 0, informers.WithNamespace(metav1.NamespaceSystem),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("metadata.name", LoadsConfigMap).String()
		}))
	set := func(data map[string]string) {
		touched, err := k.loads.set(data)
		if err != nil {
			_, _ = fmt.Fprintf(k.log, "%s kubelet: %v\n", k.clock.Now().Format(time.RFC3339), err)
		}
		for _, name := range touched {
			k.queue.Add(name)
		}
	}
	informer := factory.Core().V1().ConfigMaps().Informer()
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { set(o.(*corev1.ConfigMap).Data) },
		UpdateFunc: func(_, o any) { set(o.(*corev1.ConfigMap).Data) },
		DeleteFunc: func(any) { set(nil) },
	}); err != nil {
		return nil, fmt.Errorf("watching the loads: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	factory.Start(ctx.Done())
	return func() { cancel(); factory.Shutdown() }, nil
}
