package tenant

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func podSpecs(set Set) map[string]corev1.PodSpec {
	specs := map[string]corev1.PodSpec{}
	for _, d := range set.Deployments {
		specs[d.Name] = d.Spec.Template.Spec
	}
	for _, s := range set.StatefulSets {
		specs[s.Name] = s.Spec.Template.Spec
	}
	return specs
}

func TestEveryContainerOfEveryLayoutHasASize(t *testing.T) {
	for _, layout := range Layouts() {
		for workload, spec := range podSpecs(Objects("t", layout, nil)) {
			for _, c := range append(append([]corev1.Container{}, spec.Containers...), spec.InitContainers...) {
				if c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
					t.Errorf("layout %s: container %s of %s has no memory request or limit", layout.Name, c.Name, workload)
				}
			}
		}
	}
}

func TestTheGuaranteedLayoutHasRequestsEqualToLimits(t *testing.T) {
	layout, err := LayoutOf("guaranteed")
	if err != nil {
		t.Fatal(err)
	}
	for workload, spec := range podSpecs(Objects("t", layout, nil)) {
		for _, c := range spec.Containers {
			for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
				request, limit := c.Resources.Requests[name], c.Resources.Limits[name]
				if request.Cmp(limit) != 0 || request.IsZero() {
					t.Errorf("%s of %s: request %s, limit %s", name, workload, request.String(), limit.String())
				}
			}
		}
	}
}

func TestTheMainContainerComesFirstAndIsNamedLikeTheWorkload(t *testing.T) {
	for _, layout := range Layouts() {
		for workload, spec := range podSpecs(Objects("t", layout, nil)) {
			if spec.Containers[0].Name != workload {
				t.Errorf("layout %s: the first container of %s is %s", layout.Name, workload, spec.Containers[0].Name)
			}
		}
	}
}

func TestGivenLabelsAreOnTheNamespace(t *testing.T) {
	set := Objects("t", layouts[0], map[string]string{TierLabel: "premium", "own": "x"})
	for key, want := range map[string]string{TierLabel: "premium", "own": "x", NameLabel: "t", LayoutLabel: "small"} {
		if got := set.Namespace.Labels[key]; got != want {
			t.Errorf("label %s is %q, want %q", key, got, want)
		}
	}
}

func TestAnUnknownLayoutIsAnErrorThatListsTheLayouts(t *testing.T) {
	_, err := LayoutOf("huge")
	if want := `there is no layout "huge"; there are: small, guaranteed, sidecar, single`; err == nil || err.Error() != want {
		t.Errorf("error is %v", err)
	}
}

// A real tenant's process has the flags of its pod: both are read from here.
func TestTheSingleLayoutHasOneOfEachWithFewSeats(t *testing.T) {
	layout, err := LayoutOf(Single)
	if err != nil {
		t.Fatal(err)
	}
	set := Objects("t", layout, nil)
	for _, d := range set.Deployments {
		if *d.Spec.Replicas != 1 {
			t.Errorf("%d replicas of %s", *d.Spec.Replicas, d.Name)
		}
	}
	if n := *set.StatefulSets[0].Spec.Replicas; n != 1 {
		t.Errorf("%d members of etcd", n)
	}
	command := strings.Join(append(set.Deployments[0].Spec.Template.Spec.Containers[0].Command, set.StatefulSets[0].Spec.Template.Spec.Containers[0].Command...), " ")
	for _, want := range []string{
		"--etcd-servers=https://etcd-0.etcd:2379 ", "--max-requests-inflight=20 ", "--max-mutating-requests-inflight=10 ", "--initial-cluster=etcd-0=https://etcd-0.etcd:2380 ",
	} {
		if !strings.Contains(command, want) {
			t.Errorf("%s is not in %s", want, command)
		}
	}
}
