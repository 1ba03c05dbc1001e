package kubelet

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
)

const (
	workers = 8

	defaultRestartDelay = 300 * time.Millisecond
	defaultResizeDelay  = 300 * time.Millisecond
	defaultBackOff      = 10 * time.Second

	// retryFirst to retryLast: a status that could not be written, mostly because the pod has changed meanwhile.
	retryFirst, retryLast = 20 * time.Millisecond, 5 * time.Second
)

// Config says how a Kubelet plays. Zero fields take the defaults.
type Config struct {
	Client       kubernetes.Interface
	ResizeDelay  time.Duration    // 300 ms
	FirstBackOff time.Duration    // 10 s
	Clock        clock.WithTicker // the real one
	Log          io.Writer        // one line per error; nil is silent
}

// Kubelet plays the running containers of all pods. Use New, then Run.
type Kubelet struct {
	client   kubernetes.Interface
	settings settings
	clock    clock.WithTicker
	log      io.Writer

	queue     workqueue.TypedRateLimitingInterface[types.NamespacedName]
	informers informers.SharedInformerFactory
	pods      listers.PodLister
	loads     *loads

	mu       sync.Mutex
	memories map[types.UID]memory // of the pods that have been through step
}

// New returns a Kubelet that is not running.
func New(c Config) *Kubelet {
	k := &Kubelet{
		client: c.Client, clock: c.Clock, log: c.Log, memories: map[types.UID]memory{},
		settings: settings{
			restartDelay: defaultRestartDelay, firstBackOff: c.FirstBackOff, resizeDelay: c.ResizeDelay,
		},
	}
	if k.settings.firstBackOff == 0 {
		k.settings.firstBackOff = defaultBackOff
	}
	if k.settings.resizeDelay == 0 {
		k.settings.resizeDelay = defaultResizeDelay
	}
	if k.clock == nil {
		k.clock = clock.RealClock{}
	}
	if k.log == nil {
		k.log = io.Discard
	}
	k.loads = newLoads()
	return k
}

// Run plays until ctx is done, and returns when everything it started has ended. ready is called once, when it sees the pods.
func (k *Kubelet) Run(ctx context.Context, ready func()) error {
	k.queue = workqueue.NewTypedRateLimitingQueueWithConfig(
		workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](retryFirst, retryLast),
		workqueue.TypedRateLimitingQueueConfig[types.NamespacedName]{Name: "kubelet"},
	)
	k.informers = informers.NewSharedInformerFactoryWithOptions(k.client, 0, informers.WithTransform(slim))
	pods := k.informers.Core().V1().Pods()
	k.pods = pods.Lister()
	if _, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc:    func(o any, _ bool) { k.see(o) },
		UpdateFunc: func(_, o any) { k.see(o) },
		DeleteFunc: k.forget,
	}); err != nil {
		return fmt.Errorf("watching pods: %w", err)
	}
	stopLoads, err := k.watchLoads(ctx)
	if err != nil {
		return err
	}
	defer stopLoads()

	var group sync.WaitGroup
	defer group.Wait()
	defer k.informers.Shutdown()
	defer k.queue.ShutDown()
	k.informers.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), pods.Informer().HasSynced) {
		return context.Cause(ctx)
	}
	for range workers {
		group.Go(func() { k.work(ctx) })
	}
	group.Go(func() { k.tick(ctx) })
	ready()
	<-ctx.Done()
	return nil
}

// slim drops what is not read from cached objects. A status update without managed fields keeps those on the server.
func slim(o any) (any, error) {
	if accessor, err := meta.Accessor(o); err == nil {
		accessor.SetManagedFields(nil)
	}
	return o, nil
}

func (k *Kubelet) see(o any) {
	if pod, ok := o.(*corev1.Pod); ok && pod.Status.Phase == corev1.PodRunning {
		k.loads.see(pod)
		k.queue.Add(types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name})
	}
}

func (k *Kubelet) forget(o any) {
	if tombstone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = tombstone.Obj
	}
	if pod, ok := o.(*corev1.Pod); ok {
		k.loads.forget(pod)
		k.mu.Lock()
		delete(k.memories, pod.UID)
		k.mu.Unlock()
	}
}

func (k *Kubelet) work(ctx context.Context) {
	for {
		name, shutdown := k.queue.Get()
		if shutdown {
			return
		}
		err := k.play(ctx, name)
		switch {
		case err == nil || ctx.Err() != nil:
			k.queue.Forget(name)
		default:
			if !apierrors.IsConflict(err) { // a conflict is somebody else's write, no mishap
				_, _ = fmt.Fprintf(k.log, "%s kubelet: pod %s: %v\n", k.clock.Now().Format(time.RFC3339), name, err)
			}
			k.queue.AddRateLimited(name)
		}
		k.queue.Done(name)
	}
}

// play takes one pod a step further and writes what changed.
func (k *Kubelet) play(ctx context.Context, name types.NamespacedName) error {
	pod, err := k.pods.Pods(name.Namespace).Get(name.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	now := k.clock.Now()
	k.mu.Lock()
	before := k.memories[pod.UID]
	k.mu.Unlock()

	usage := k.loads.usage(pod, now)
	r := step(pod, memoryBytes(usage), before, now, k.settings)
	if !apiequality.Semantic.DeepEqual(pod.Status, r.status) {
		changed := pod.DeepCopy()
		changed.Status = r.status
		changed, err = k.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{FieldManager: "kubelet"})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("writing the status: %w", err)
		}
		pod = changed
	}
	k.mu.Lock()
	k.memories[pod.UID] = r.memory
	k.mu.Unlock()
	if !r.wake.IsZero() {
		k.queue.AddAfter(name, max(0, r.wake.Sub(now)))
	}
	return k.showUsage(ctx, pod, usage)
}
