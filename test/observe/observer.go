package observe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Pod is what was seen of one pod.
type Pod struct {
	Namespace, Name string
	UID             types.UID
	Labels          map[string]string
	// Generation counts the changes of its spec.
	Generation  int64
	Ready       bool
	Terminating bool
	// Memory is the memory limit that each container is specified with, in bytes; 0 where it has none.
	Memory map[string]int64
	// Sizes are the memory limits at which each container was seen, in order.
	Sizes map[string][]Sized
	// Restarts is how often each container was restarted.
	Restarts map[string]int32
}

// Sized is a size and when it was first seen.
type Sized struct {
	Memory int64
	At     time.Time
}

// Observer watches every pod.
type Observer struct {
	stop    context.CancelFunc
	mu      sync.Mutex
	pods    map[types.UID]Pod
	gone    map[types.UID]bool
	changed chan struct{} // closed and replaced at every change
}

// Start watches until ctx ends or Stop is called. It returns when everything there is has been seen.
func Start(ctx context.Context, config *rest.Config) (*Observer, error) {
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf // as cheap as can be
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	o := &Observer{stop: stop, pods: map[types.UID]Pod{}, gone: map[types.UID]bool{}, changed: make(chan struct{})}
	factory := informers.NewSharedInformerFactory(clients, 0)
	informer := factory.Core().V1().Pods().Informer()
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { o.see(obj) },
		UpdateFunc: func(_, obj any) { o.see(obj) },
		DeleteFunc: func(obj any) { o.lose(obj) },
	})
	if err != nil {
		stop()
		return nil, fmt.Errorf("watching pods: %w", err)
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		stop()
		return nil, fmt.Errorf("watching pods: %w", context.Cause(ctx))
	}
	return o, nil
}

// Stop ends the watch.
func (o *Observer) Stop() { o.stop() }

func (o *Observer) see(obj any) {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return
	}
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	p := read(pod)
	p.Sizes = o.pods[pod.UID].Sizes
	if p.Sizes == nil {
		p.Sizes = map[string][]Sized{}
	}
	for name, memory := range p.Memory {
		seen := p.Sizes[name]
		if len(seen) == 0 || seen[len(seen)-1].Memory != memory {
			p.Sizes[name] = append(slices.Clone(seen), Sized{Memory: memory, At: now})
		}
	}
	o.pods[pod.UID] = p
	o.tell()
}

func (o *Observer) lose(obj any) {
	if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = unknown.Obj
	}
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone[pod.UID] = true
	o.tell()
}

func (o *Observer) tell() {
	close(o.changed)
	o.changed = make(chan struct{})
}

func read(pod *corev1.Pod) Pod {
	p := Pod{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, Labels: pod.Labels, Generation: pod.Generation, Terminating: pod.DeletionTimestamp != nil, Memory: map[string]int64{}, Restarts: map[string]int32{}}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		p.Memory[c.Name] = c.Resources.Limits.Memory().Value()
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		p.Restarts[s.Name] = s.RestartCount
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			p.Ready = condition.Status == corev1.ConditionTrue
		}
	}
	return p
}

// Pods gives the pods that are there and match, sorted by namespace and name.
func (o *Observer) Pods(match func(Pod) bool) []Pod {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.matching(match)
}

func (o *Observer) matching(match func(Pod) bool) []Pod {
	var out []Pod
	for uid, p := range o.pods {
		if !o.gone[uid] && match(p) {
			p.Memory, p.Sizes, p.Restarts = maps.Clone(p.Memory), maps.Clone(p.Sizes), maps.Clone(p.Restarts)
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Pod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// WaitFor waits until the pods that match satisfy done, and gives them. It looks again at every change.
func (o *Observer) WaitFor(ctx context.Context, match func(Pod) bool, done func([]Pod) bool) ([]Pod, error) {
	for {
		o.mu.Lock()
		pods, changed := o.matching(match), o.changed
		o.mu.Unlock()
		if done(pods) {
			return pods, nil
		}
		select {
		case <-ctx.Done():
			return pods, context.Cause(ctx)
		case <-changed:
		}
	}
}

// Of matches the pods of a component: those in the namespace that carry the label with the component's name.
func Of(namespace, label, component string) func(Pod) bool {
	return func(p Pod) bool { return p.Namespace == namespace && p.Labels[label] == component }
}

// Grown gives when the last of the pods was first seen with its container above a memory limit, and false while one of
// them was not, or there are none.
func Grown(pods []Pod, container string, above int64) (last time.Time, ok bool) {
	for _, p := range pods {
		i := slices.IndexFunc(p.Sizes[container], func(s Sized) bool { return s.Memory > above })
		if i < 0 {
			return time.Time{}, false
		}
		if at := p.Sizes[container][i].At; at.After(last) {
			last = at
		}
	}
	return last, len(pods) > 0
}
