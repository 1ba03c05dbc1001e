package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

// kill has the kubelet report a container OOM-killed, and gives when the report was sent to the API server.
func (s *stage) kill(ctx context.Context, p observe.Pod, container string) (time.Time, error) {
	killed, err := s.sandbox.OOM(ctx, p.Namespace, p.Name, sandbox.OOMOptions{Container: container})
	if err != nil {
		return time.Time{}, fmt.Errorf("killing %s of %s: %w", container, p.Name, err)
	}
	return killed.Sent, nil
}

// waitReconciled waits until every ClusterScaler was looked at.
func (s *stage) waitReconciled(ctx context.Context) error {
	began := time.Now()
	err := wait.PollUntilContextTimeout(ctx, pace, time.Minute, true, func(ctx context.Context) (bool, error) {
		list := &v1alpha1.ClusterScalerList{}
		if err := s.client.List(ctx, list); err != nil {
			return false, err
		}
		return !slices.ContainsFunc(list.Items, func(c v1alpha1.ClusterScaler) bool {
			return !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady)
		}), nil
	})
	s.check(err == nil, "all %d ClusterScalers are Ready after %s", len(s.tenants), time.Since(began).Round(time.Millisecond))
	return nil
}

// template gives the pod template of a component of the tenant that was hit, and whether its workload is calm: neither
// paused nor being rolled out.
func (s *stage) template(ctx context.Context, component string) (*corev1.PodTemplateSpec, bool, error) {
	key := types.NamespacedName{Namespace: s.hit, Name: component}
	if component == tenant.Etcd {
		set := &appsv1.StatefulSet{}
		if err := s.client.Get(ctx, key, set); err != nil {
			return nil, false, fmt.Errorf("reading the StatefulSet: %w", err)
		}
		calm := set.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType && set.Status.CurrentRevision == set.Status.UpdateRevision && set.Status.ObservedGeneration == set.Generation
		return &set.Spec.Template, calm, nil
	}
	d := &appsv1.Deployment{}
	if err := s.client.Get(ctx, key, d); err != nil {
		return nil, false, fmt.Errorf("reading the Deployment: %w", err)
	}
	calm := !d.Spec.Paused && d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == *d.Spec.Replicas && d.Status.Replicas == *d.Spec.Replicas
	return &d.Spec.Template, calm, nil
}

func memoryLimit(t *corev1.PodTemplateSpec, container string) int64 {
	for i := range t.Spec.Containers {
		if t.Spec.Containers[i].Name == container {
			return t.Spec.Containers[i].Resources.Limits.Memory().Value()
		}
	}
	return 0
}

func theRecord(ctx context.Context, s *stage) error {
	s.title("It says why: the record")
	record, err := s.waitRecord(ctx, s.hit, tenant.APIServer, v1alpha1.PhaseSucceeded)
	if err != nil {
		return err
	}
	s.say("kubectl -n %s get scalingrecord %s", s.hit, record.Name)
	s.say("  verdict    %s, because %s", record.Spec.Verdict, record.Spec.Reason)
	s.say("  message    %s", record.Spec.Message)
	for _, e := range record.Spec.Estimates {
		s.say("  estimator  %s: %s", e.Estimator, e.Message)
	}
	for _, g := range record.Spec.Gates {
		s.say("  gate       %-11s %s", g.Name, g.Outcome)
	}
	decided := record.Spec.DecidedAt.Time
	for _, e := range record.Status.Timeline {
		s.say("  timeline   %-10s %+8.3f s  %s", e.Step, e.Time.Sub(decided).Seconds(), e.Message)
	}
	s.say("  outcome    %s: %s", record.Status.Phase, record.Status.Message)
	s.check(len(record.Spec.Trigger.OOM.Kills) >= 1, "the record names the kill it answers")
	s.check(record.Status.Phase == v1alpha1.PhaseSucceeded, "it was carried out, watched for %d s and found good", watchSeconds)
	return nil
}

// waitRecord waits for the record of a tenant's component to reach a phase. It gives the record as it is when time is up.
func (s *stage) waitRecord(ctx context.Context, namespace, component string, phase v1alpha1.RecordPhase) (*v1alpha1.ScalingRecord, error) {
	var found *v1alpha1.ScalingRecord
	err := wait.PollUntilContextTimeout(ctx, pace, time.Minute, true, func(ctx context.Context) (bool, error) {
		list := &v1alpha1.ScalingRecordList{}
		if err := s.client.List(ctx, list, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.LabelComponent: component}); err != nil {
			return false, err
		}
		if len(list.Items) == 0 {
			return false, nil
		}
		found = &list.Items[0]
		return found.Status.Phase == phase, nil
	})
	if found == nil {
		return nil, fmt.Errorf("waiting for a record of %s in %s: %w", component, namespace, err)
	}
	return found, nil
}

func theDryRun(ctx context.Context, s *stage) error {
	s.title("Dry run: %s is only told", s.dry)
	component := tenant.APIServer
	before := s.pods(s.dry, component)
	if _, err := s.kill(ctx, before[0], component); err != nil {
		return err
	}
	record, err := s.waitRecord(ctx, s.dry, component, v1alpha1.PhaseDryRun)
	if err != nil {
		return err
	}
	s.say("%s", record.Spec.Message)
	s.check(record.Status.Phase == v1alpha1.PhaseDryRun, "the record says what would have been done: memory limit %s → %s", record.Spec.From.Limits.Memory, record.Spec.To.Limits.Memory)
	after := s.pods(s.dry, component)
	same := sameUIDs(before, after)
	for _, p := range after {
		same = same && len(p.Sizes[component]) == 1
	}
	s.check(same, "no pod of %s was changed", s.dry)
	return nil
}

// showScalers shows ClusterScalers as kubectl does.
func (s *stage) showScalers(ctx context.Context, namespaces ...string) error {
	rows := [][]string{{"NAMESPACE", "NAME", "MODE", "READY", "VERDICT", "COMPONENT", "REASON"}}
	for _, namespace := range namespaces {
		scaler := &v1alpha1.ClusterScaler{}
		if err := s.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: scalerName}, scaler); err != nil {
			return fmt.Errorf("reading the ClusterScaler of %s: %w", namespace, err)
		}
		row := []string{namespace, scaler.Name, string(scaler.Spec.Mode), "", "", "", ""}
		if c := meta.FindStatusCondition(scaler.Status.Conditions, v1alpha1.ConditionReady); c != nil {
			row[3] = string(c.Status)
		}
		if sum := scaler.Status.Summary; sum != nil {
			row[4], row[5], row[6] = string(sum.Verdict), sum.Component, string(sum.Reason)
		}
		rows = append(rows, row)
	}
	s.table(rows)
	return nil
}
