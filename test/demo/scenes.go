package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

type scene func(ctx context.Context, s *stage) error

// scenes are played in this order.
func scenes() []scene {
	return []scene{theFleet, theStorm, theBystanders, theTemplate, theRecord, theRollout, theDryRun, theEnd}
}

// pace is how often what has no watch here is looked at.
const pace = 50 * time.Millisecond

func theFleet(_ context.Context, s *stage) error {
	s.title("The fleet")
	rows := [][]string{{"TENANT", "COMPONENT", "PODS", "READY", "MEMORY LIMIT", "RESTARTS"}}
	for _, name := range []string{s.hit, s.dry} {
		for _, component := range []string{tenant.APIServer, tenant.ControllerManager, tenant.Scheduler, tenant.Etcd} {
			pods := s.pods(name, component)
			ready, restarts := 0, int32(0)
			for _, p := range pods {
				if p.Ready {
					ready++
				}
				restarts += p.Restarts[component]
			}
			rows = append(rows, []string{name, component, fmt.Sprint(len(pods)), fmt.Sprint(ready), mebibytes(pods[0].Memory[component]), fmt.Sprint(restarts)})
		}
	}
	s.table(rows)
	all := s.observer.Pods(func(p observe.Pod) bool { return strings.HasPrefix(p.Namespace, "tenant-") })
	s.say("… and %d tenants more, alike: %d pods in all", len(s.tenants)-2, len(all))
	s.check(len(all) == 7*len(s.tenants), "every tenant has its 7 pods")
	return nil
}

// victims are the components that the storm hits. The pods of etcd have the same names in every tenant.
func victims() []string { return []string{tenant.APIServer, tenant.Etcd} }

func theStorm(ctx context.Context, s *stage) error {
	s.title("An OOM storm on %s", s.hit)
	for _, component := range victims() {
		before := s.pods(s.hit, component)
		was := before[0].Memory[component]
		var reported time.Time
		for _, p := range before {
			at, err := s.kill(ctx, p, component)
			if err != nil {
				return err
			}
			if reported.IsZero() {
				reported = at
			}
			s.say("the kubelet reports %s/%s: OOMKilled, exit code 137, at its limit of %s", p.Name, component, mebibytes(was))
		}
		pods, err := s.observer.WaitFor(ctx, of(s.hit, component), func(pods []observe.Pod) bool {
			_, ok := observe.Grown(pods, component, was)
			return ok
		})
		if err != nil {
			return fmt.Errorf("waiting for %s of %s to grow: %w", component, s.hit, err)
		}
		last, _ := observe.Grown(pods, component, was)
		took := last.Sub(reported)
		s.check(took < time.Second, "%s: all %d pods resized from %s to %s within a second: %d ms after the first report, seen from outside", component, len(pods), mebibytes(was), mebibytes(pods[0].Memory[component]), took.Milliseconds())
		s.check(sameUIDs(before, pods), "%s: no pod was replaced", component)
		s.check(restartedOnce(before, pods, component), "%s: no container was restarted but by the OOM killer itself", component)
	}
	return nil
}

func sameUIDs(a, b []observe.Pod) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].UID != b[i].UID {
			return false
		}
	}
	return true
}

// restartedOnce: the kill itself restarts a container once; whatever is more was us.
func restartedOnce(before, after []observe.Pod, container string) bool {
	for i := range before {
		if after[i].Restarts[container] > before[i].Restarts[container]+1 {
			return false
		}
	}
	return true
}

func theBystanders(_ context.Context, s *stage) error {
	s.title("The bystanders")
	s.say("etcd's pods are called etcd-0, etcd-1 and etcd-2 in every tenant")
	touched := s.observer.Pods(func(p observe.Pod) bool {
		if p.Namespace == s.hit {
			return false
		}
		for _, seen := range p.Sizes {
			if len(seen) > 1 {
				return true
			}
		}
		return false
	})
	s.check(len(touched) == 0, "no pod of another tenant was touched")
	calm := s.observer.Pods(func(p observe.Pod) bool {
		component := p.Labels[tenant.ComponentLabel]
		return p.Namespace == s.hit && component != tenant.APIServer && component != tenant.Etcd && len(p.Sizes[component]) > 1
	})
	s.check(len(calm) == 0, "nor was another component of %s", s.hit)
	return nil
}

func theTemplate(ctx context.Context, s *stage) error {
	s.title("It lasts: the template gives the new size, and nothing was rolled out")
	for _, component := range victims() {
		pods := s.pods(s.hit, component)
		want := pods[0].Memory[component]
		err := wait.PollUntilContextTimeout(ctx, pace, time.Minute, true, func(ctx context.Context) (bool, error) {
			template, calm, err := s.template(ctx, component)
			return calm && memoryLimit(template, component) == want, err
		})
		s.check(err == nil, "%s: the template gives %s", component, mebibytes(want))
		s.check(sameUIDs(pods, s.pods(s.hit, component)), "%s: still the same pods", component)
	}
	sets := &appsv1.ReplicaSetList{}
	if err := s.client.List(ctx, sets, client.InNamespace(s.hit), client.MatchingLabels{tenant.ComponentLabel: tenant.APIServer}); err != nil {
		return fmt.Errorf("listing ReplicaSets: %w", err)
	}
	s.check(len(sets.Items) == 1, "%s: still the same ReplicaSet", tenant.APIServer)
	for _, component := range victims() {
		victim := s.pods(s.hit, component)[0]
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.hit, Name: victim.Name}}
		if err := s.client.Delete(ctx, pod); err != nil {
			return fmt.Errorf("deleting pod %s: %w", victim.Name, err)
		}
		born, err := s.waitBorn(ctx, component, victim)
		if err != nil {
			return err
		}
		s.check(born.Sizes[component][0].Memory == victim.Memory[component], "%s: %s was deleted; %s was born at %s", component, victim.Name, born.Name, mebibytes(born.Sizes[component][0].Memory))
	}
	return nil
}

// waitBorn waits for the pod that takes the place of another.
func (s *stage) waitBorn(ctx context.Context, component string, gone observe.Pod) (observe.Pod, error) {
	known := map[types.UID]bool{}
	for _, p := range s.pods(s.hit, component) {
		known[p.UID] = true
	}
	var born observe.Pod
	_, err := s.observer.WaitFor(ctx, of(s.hit, component), func(pods []observe.Pod) bool {
		ready := 0
		for _, p := range pods {
			if p.Ready {
				ready++
			}
			if p.UID != gone.UID && (!known[p.UID] || p.Name == gone.Name) {
				born = p
			}
		}
		return born.UID != "" && ready == len(pods) && len(pods) >= len(known)
	})
	if err != nil {
		return born, fmt.Errorf("waiting for a new pod of %s: %w", component, err)
	}
	return born, nil
}

func theRollout(ctx context.Context, s *stage) error {
	s.title("It lasts: the next rollout, which the platform team starts")
	component := tenant.APIServer
	before := s.pods(s.hit, component)
	want := before[0].Memory[component]
	deployment := &appsv1.Deployment{}
	if err := s.client.Get(ctx, types.NamespacedName{Namespace: s.hit, Name: component}, deployment); err != nil {
		return fmt.Errorf("reading the Deployment: %w", err)
	}
	base := deployment.DeepCopy()
	deployment.Spec.Template.Annotations = map[string]string{"kubectl.kubernetes.io/restartedAt": time.Now().Format(time.RFC3339)}
	if err := s.client.Patch(ctx, deployment, client.MergeFrom(base)); err != nil {
		return fmt.Errorf("restarting the rollout: %w", err)
	}
	old := map[types.UID]bool{}
	for _, p := range before {
		old[p.UID] = true
	}
	after, err := s.observer.WaitFor(ctx, of(s.hit, component), func(pods []observe.Pod) bool {
		for _, p := range pods {
			if old[p.UID] || !p.Ready {
				return false
			}
		}
		return len(pods) == len(before)
	})
	if err != nil {
		return fmt.Errorf("waiting for the rollout: %w", err)
	}
	held := true
	for _, p := range after {
		held = held && p.Sizes[component][0].Memory == want
	}
	s.check(held, "all %d new pods were born at %s", len(after), mebibytes(want))
	return nil
}

func theEnd(ctx context.Context, s *stage) error {
	s.title("How the fleet stands")
	if err := s.showScalers(ctx, s.hit, s.dry, s.tenants[0]); err != nil {
		return err
	}
	records := &v1alpha1.ScalingRecordList{}
	if err := s.client.List(ctx, records); err != nil {
		return fmt.Errorf("listing records: %w", err)
	}
	s.check(len(records.Items) == len(victims())+1, "%d records in the whole fleet: one for each component that was hit, one of the dry run", len(records.Items))
	return nil
}
