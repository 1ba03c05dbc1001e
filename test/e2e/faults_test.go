package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

// killing is an OOM kill, and how the component's pods were before.
type killing struct {
	sandbox.OOMResult
	component string
	before    []observe.Pod
}

func (k *killing) String() string { return k.Namespace + "/" + k.component }

// want is the memory limit that answers it: half as much again, the default of a first kill.
func (k *killing) want() int64 {
	was := k.before[0].Memory[k.component]
	return was + was/2
}

// key is a component's in the cluster.
type key struct{ namespace, component string }

// world is what the API server holds of the things that an answer changes.
type world struct {
	records     map[key][]v1alpha1.ScalingRecord
	status      map[key]v1alpha1.ComponentStatus
	deployments map[key]appsv1.Deployment
	sets        map[key]appsv1.StatefulSet
	replicaSets map[key]int
}

// read reads the world, or one namespace of it.
func (h *house) read(ctx context.Context, namespace string) (*world, error) {
	var (
		records     v1alpha1.ScalingRecordList
		scalers     v1alpha1.ClusterScalerList
		deployments appsv1.DeploymentList
		sets        appsv1.StatefulSetList
		replicaSets appsv1.ReplicaSetList
	)
	for _, list := range []client.ObjectList{&records, &scalers, &deployments, &sets, &replicaSets} {
		if err := h.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
	}
	w := &world{
		records: map[key][]v1alpha1.ScalingRecord{}, status: map[key]v1alpha1.ComponentStatus{}, replicaSets: map[key]int{},
		deployments: map[key]appsv1.Deployment{}, sets: map[key]appsv1.StatefulSet{},
	}
	for _, r := range records.Items {
		k := key{r.Namespace, r.Spec.Component}
		w.records[k] = append(w.records[k], r)
	}
	for _, s := range scalers.Items {
		for _, c := range s.Status.Components {
			w.status[key{s.Namespace, c.Name}] = c
		}
	}
	for _, d := range deployments.Items {
		w.deployments[key{d.Namespace, d.Name}] = d
	}
	for _, s := range sets.Items {
		w.sets[key{s.Namespace, s.Name}] = s
	}
	for _, r := range replicaSets.Items {
		w.replicaSets[key{r.Namespace, r.Labels[tenant.ComponentLabel]}]++
	}
	return w, nil
}

// answered waits until nothing is wrong with the answers to the kills, the end of their records included.
func (h *house) answered(ctx context.Context, kills []*killing) {
	GinkgoHelper()
	h.faultless(ctx, "", kills, v1alpha1.PhaseSucceeded)
}

// faultless waits until nothing is wrong with the answers, and their records are in one of the phases. A namespace saves
// reading the others.
func (h *house) faultless(ctx context.Context, namespace string, kills []*killing, phases ...v1alpha1.RecordPhase) {
	GinkgoHelper()
	pace := 200 * time.Millisecond
	if namespace == "" {
		pace = 3 * time.Second // reading everything costs what the managers and the API server could need
	}
	Eventually(func(g Gomega) {
		g.Expect(h.faults(ctx, namespace, kills, phases...)).To(BeEmpty())
	}).WithContext(ctx).WithPolling(pace).Should(Succeed())
}

// faults says what is wrong with the answers to the kills.
func (h *house) faults(ctx context.Context, namespace string, kills []*killing, phases ...v1alpha1.RecordPhase) ([]string, error) {
	w, err := h.read(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, k := range kills {
		for _, fault := range slices.Concat(w.recordFaults(k, phases), w.workloadFaults(k), h.podFaults(k)) {
			out = append(out, fmt.Sprintf("%s: %s", k, fault))
		}
	}
	return out, nil
}

// recordFaults: one record, of this kill alone, that came out well and is not open any more.
func (w *world) recordFaults(k *killing, phases []v1alpha1.RecordPhase) (out []string) {
	at := key{k.Namespace, k.component}
	records := w.records[at]
	if len(records) != 1 {
		return []string{fmt.Sprintf("%d records instead of one", len(records))}
	}
	r := records[0]
	if !slices.Contains(phases, r.Status.Phase) {
		out = append(out, fmt.Sprintf("record %s is %s: %s", r.Name, r.Status.Phase, r.Status.Message))
	}
	var killed []string
	if r.Spec.Trigger.OOM != nil {
		for _, answered := range r.Spec.Trigger.OOM.Kills {
			killed = append(killed, answered.ContainerID)
		}
	}
	if !slices.Equal(killed, []string{k.ContainerID}) {
		out = append(out, fmt.Sprintf("record %s answers the kills of %q instead of %s", r.Name, killed, k.ContainerID))
	}
	if to := r.Spec.To.Limits; to == nil || to.Memory == nil || to.Memory.Value() != k.want() {
		out = append(out, fmt.Sprintf("record %s decided on %v instead of %d bytes", r.Name, to, k.want()))
	}
	status := w.status[at]
	if status.LastRecord != r.Name {
		out = append(out, fmt.Sprintf("the ClusterScaler names %q as its last record instead of %s", status.LastRecord, r.Name))
	}
	if !r.Open() && status.OpenRecord != "" {
		out = append(out, fmt.Sprintf("the ClusterScaler still names %q as its open record", status.OpenRecord))
	}
	return out
}

// workloadFaults: the size is in the template, and the workload is otherwise as the platform team made it.
func (w *world) workloadFaults(k *killing) (out []string) {
	at := key{k.Namespace, k.component}
	var object client.Object
	var template *corev1.PodTemplateSpec
	if kindOf(k.component) == v1alpha1.TargetStatefulSet {
		s := w.sets[at]
		object, template = &s, &s.Spec.Template
		if s.Spec.UpdateStrategy.Type != appsv1.RollingUpdateStatefulSetStrategyType {
			out = append(out, fmt.Sprintf("the update strategy is %s", s.Spec.UpdateStrategy.Type))
		}
		if s.Status.ObservedGeneration != s.Generation || s.Status.CurrentRevision != s.Status.UpdateRevision || s.Status.UpdatedReplicas != *s.Spec.Replicas {
			out = append(out, "the StatefulSet is not at rest")
		}
	} else {
		d := w.deployments[at]
		object, template = &d, &d.Spec.Template
		if d.Spec.Paused {
			out = append(out, "the Deployment is paused")
		}
		if d.Spec.RevisionHistoryLimit == nil || *d.Spec.RevisionHistoryLimit != 3 {
			out = append(out, "the Deployment's revisionHistoryLimit is not the 3 that it was made with")
		}
		if d.Status.ObservedGeneration != d.Generation || d.Status.Replicas != *d.Spec.Replicas || d.Status.UpdatedReplicas != *d.Spec.Replicas {
			out = append(out, "the Deployment is not at rest")
		}
		if n := w.replicaSets[at]; n != 1 {
			out = append(out, fmt.Sprintf("%d ReplicaSets instead of one", n))
		}
	}
	if memory := limitIn(template, k.component); memory != k.want() {
		out = append(out, fmt.Sprintf("the template gives %d bytes instead of %d", memory, k.want()))
	}
	if _, ok := object.GetAnnotations()[actuate.AnnotationIntent]; ok {
		out = append(out, "the annotation of the intent is left")
	}
	if _, ok := object.GetLabels()[actuate.LabelConverging]; ok {
		out = append(out, "the label of the intent is left")
	}
	return out
}

func limitIn(template *corev1.PodTemplateSpec, container string) int64 {
	for i := range template.Spec.Containers {
		if template.Spec.Containers[i].Name == container {
			return template.Spec.Containers[i].Resources.Limits.Memory().Value()
		}
	}
	return 0
}

// podFaults: the same pods, each resized once and to the size that answers the kill, and no container restarted but the one
// that was killed, once.
func (h *house) podFaults(k *killing) (out []string) {
	now := h.pods(k.Namespace, k.component)
	if len(now) != len(k.before) {
		return []string{fmt.Sprintf("%d pods instead of %d", len(now), len(k.before))}
	}
	for i, was := range k.before {
		is := now[i]
		if is.UID != was.UID {
			out = append(out, fmt.Sprintf("pod %s was replaced", was.Name))
			continue
		}
		if is.Memory[k.component] != k.want() {
			out = append(out, fmt.Sprintf("pod %s has %d bytes instead of %d", is.Name, is.Memory[k.component], k.want()))
		}
		if changes := is.Generation - was.Generation; changes != 1 {
			out = append(out, fmt.Sprintf("the spec of pod %s was changed %d times", is.Name, changes))
		}
		for container, restarts := range was.Restarts {
			want := restarts
			if is.Name == k.Pod && container == k.component {
				want++
			}
			if is.Restarts[container] != want {
				out = append(out, fmt.Sprintf("container %s of pod %s was restarted %d times, of which the kill explains %d", container, is.Name, is.Restarts[container]-restarts, want-restarts))
			}
		}
	}
	return out
}

// untouched says which pods, but those of the components that were killed, are not as they were.
func (h *house) untouched(before []observe.Pod, kills []*killing) (out []string) {
	answered := map[key]bool{}
	for _, k := range kills {
		answered[key{k.Namespace, k.component}] = true
	}
	now := map[types.UID]observe.Pod{}
	for _, p := range h.everyPod() {
		now[p.UID] = p
	}
	for _, was := range before {
		if answered[key{was.Namespace, was.Labels[tenant.ComponentLabel]}] {
			continue
		}
		is, there := now[was.UID]
		switch {
		case !there:
			out = append(out, fmt.Sprintf("pod %s/%s is gone", was.Namespace, was.Name))
		case is.Generation != was.Generation:
			out = append(out, fmt.Sprintf("the spec of pod %s/%s was changed", was.Namespace, was.Name))
		case fmt.Sprint(is.Restarts) != fmt.Sprint(was.Restarts):
			out = append(out, fmt.Sprintf("containers of pod %s/%s were restarted", was.Namespace, was.Name))
		}
	}
	if len(h.everyPod()) != len(before) {
		out = append(out, fmt.Sprintf("there are %d pods instead of %d", len(h.everyPod()), len(before)))
	}
	return out
}

// recorded counts the records of the whole cluster.
func (h *house) recorded(ctx context.Context) int {
	GinkgoHelper()
	var list v1alpha1.ScalingRecordList
	Expect(h.client.List(ctx, &list)).To(Succeed())
	return len(list.Items)
}
