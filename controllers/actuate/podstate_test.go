package actuate

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/size"
)

func resources(cpu, request, limit string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{"cpu": resource.MustParse(cpu), "memory": resource.MustParse(request)},
		Limits:   corev1.ResourceList{"memory": resource.MustParse(limit)},
	}
}

func TestAPodIsJudgedByWhatItsKubeletSaysOfThisSize(t *testing.T) {
	to := size.Size{
		Requests: size.Amounts{CPU: size.Of(size.MilliCPU(333)), Memory: size.Of(512 * size.MiB)},
		Limits:   size.Amounts{Memory: size.Of(size.GiB)},
	}
	wanted, old := resources("333m", "512Mi", "1Gi"), resources("100m", "128Mi", "256Mi")
	condition := func(kind corev1.PodConditionType, reason string, generation int64) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
				Type: kind, Status: corev1.ConditionTrue, Reason: reason, ObservedGeneration: generation, Message: "why",
			})
		}
	}
	status := func(actual corev1.ResourceRequirements, allocated corev1.ResourceList) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", Resources: &actual, AllocatedResources: allocated}}
		}
	}
	tests := map[string]struct {
		change []func(*corev1.Pod)
		want   podState
	}{
		"nothing said yet":    {want: stateUnanswered},
		"reported everywhere": {change: []func(*corev1.Pod){status(wanted, wanted.Requests)}, want: stateActuated},
		"born with another size": {
			change: []func(*corev1.Pod){func(p *corev1.Pod) { p.Spec.Containers[0].Resources = old }}, want: stateUnordered,
		},
		"admitted, not in force": {change: []func(*corev1.Pod){status(old, wanted.Requests)}, want: stateUnanswered},
		"in force, but the requests not admitted": {
			change: []func(*corev1.Pod){status(wanted, old.Requests)}, want: stateUnanswered,
		},
		"CPU requests reckoned back from shares are not exact, and need not be": {
			change: []func(*corev1.Pod){status(resources("332m", "512Mi", "1Gi"), wanted.Requests)}, want: stateActuated,
		},
		"the kernel rounds the memory limit down to pages": {
			change: []func(*corev1.Pod){status(resources("333m", "512Mi", "1073737728"), wanted.Requests)}, want: stateActuated,
		},
		"deferred":   {change: []func(*corev1.Pod){condition(corev1.PodResizePending, corev1.PodReasonDeferred, 2)}, want: stateDeferred},
		"infeasible": {change: []func(*corev1.Pod){condition(corev1.PodResizePending, corev1.PodReasonInfeasible, 2)}, want: stateInfeasible},
		"infeasible was an earlier size": {
			change: []func(*corev1.Pod){condition(corev1.PodResizePending, corev1.PodReasonInfeasible, 1)}, want: stateUnanswered,
		},
		"a kubelet that does not number its conditions is believed": {
			change: []func(*corev1.Pod){condition(corev1.PodResizePending, corev1.PodReasonDeferred, 0)}, want: stateDeferred,
		},
		"in progress": {change: []func(*corev1.Pod){condition(corev1.PodResizeInProgress, "", 2)}, want: stateUnanswered},
		"in progress with a fault": {
			change: []func(*corev1.Pod){condition(corev1.PodResizeInProgress, corev1.PodReasonError, 2)}, want: stateFaulty,
		},
		"without a node it starts with what the spec says": {
			change: []func(*corev1.Pod){func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }}, want: stateActuated,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "p", Generation: 2},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Resources: wanted}}},
				Status:     corev1.PodStatus{Phase: corev1.PodRunning},
			}
			for _, f := range tc.change {
				f(pod)
			}
			report, ok := reportOn(pod, "main", to)
			if !ok || report.state != tc.want {
				t.Errorf("the pod is %q (matters: %t), want %q", report.state, ok, tc.want)
			}
		})
	}
}

func TestAPodThatIsAboutToGoDoesNotMatter(t *testing.T) {
	now := metav1.Now()
	for name, pod := range map[string]*corev1.Pod{
		"terminating":           {ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}}}},
		"evicted":               {Status: corev1.PodStatus{Phase: corev1.PodFailed}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}}}},
		"without the container": {Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "other"}}}},
		"with the name taken by an init container that ends": {Spec: corev1.PodSpec{InitContainers: []corev1.Container{{Name: "main"}}}},
	} {
		if report, ok := reportOn(pod, "main", size.Size{}); ok {
			t.Errorf("a pod %s matters: %s", name, report)
		}
	}
}
