package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/size"
)

const (
	// perTenant is how many profiles a tenant's namespace has.
	perTenant = 4
	// different is how many different profiles there are; the others repeat them.
	different = 40
	// writers is how many writes are under way at a time.
	writers = 32

	days = 28
	mib  = 1 << 20
)

// create makes a fleet's profiles, as the manager would have written them.
func create(ctx context.Context, c client.Client, n int, said func(done int)) error {
	now := time.Now().Truncate(time.Second)
	templates := make([]v1alpha1.WorkloadProfileStatus, min(different, n))
	for i := range templates {
		templates[i] = statusOf(i, now)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for tenant := 0; tenant*perTenant < n; tenant++ {
		group.Go(func() error {
			namespace := fmt.Sprintf("tenant-%05d", tenant)
			if err := c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
				return fmt.Errorf("making namespace %s: %w", namespace, err)
			}
			for i := tenant * perTenant; i < min((tenant+1)*perTenant, n); i++ {
				if err := createOne(ctx, c, namespace, fmt.Sprintf("component-%d", i%perTenant), &templates[i%len(templates)]); err != nil {
					return err
				}
			}
			return nil
		})
		if done := tenant * perTenant; done%4000 == 0 {
			said(done)
		}
	}
	return group.Wait()
}

// createOne makes a profile in three writes, each of its owner: what it is of, its sizes, its checkpoint.
func createOne(ctx context.Context, c client.Client, namespace, component string, status *v1alpha1.WorkloadProfileStatus) error {
	p := &v1alpha1.WorkloadProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "deployment-" + component, Labels: map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelComponent: component}},
		Spec: v1alpha1.WorkloadProfileSpec{Target: v1alpha1.TargetOf(v1alpha1.TargetDeployment, component)},
	}
	if err := c.Create(ctx, p, client.FieldOwner("metapilot-workloads")); err != nil {
		return fmt.Errorf("making profile %s/%s: %w", namespace, p.Name, err)
	}
	for owner, part := range map[string]v1alpha1.WorkloadProfileStatus{
		"metapilot-recommender": {ObservedGeneration: 1, Conditions: status.Conditions, Containers: status.Containers},
		"metapilot-checkpoint":  {Checkpoint: status.Checkpoint},
	} {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&part)
		if err != nil {
			return fmt.Errorf("encoding a status: %w", err)
		}
		u := &unstructured.Unstructured{Object: map[string]any{"status": fields}}
		u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("WorkloadProfile"))
		u.SetNamespace(namespace)
		u.SetName(p.Name)
		if err := c.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(owner)); err != nil {
			return fmt.Errorf("writing the status of profile %s/%s: %w", namespace, p.Name, err)
		}
	}
	return nil
}

// statusOf is what is known of a container after four weeks of a daily wave with noise, in steps of five minutes.
func statusOf(i int, now time.Time) v1alpha1.WorkloadProfileStatus {
	random := rand.New(rand.NewPCG(1, uint64(i)))
	algorithm := profiles.Auto{Kind: profiles.KindOther}
	state := profiles.New(algorithm)
	scale := 1 + float64(i%17)
	begin := now.Add(-days * 24 * time.Hour)
	for at := begin; at.Before(now); at = at.Add(5 * time.Minute) {
		wave := 1 + 0.4*math.Sin(2*math.Pi*float64(at.Unix()%86400)/86400) + 0.1*random.NormFloat64()
		for r := range 1 + i%3 {
			state.Add(at, profiles.Sample{At: at, Replica: fmt.Sprintf("component-6c9f7d5b8-abcd%d", r), Started: size.Of(begin),
				CPU: size.Of(max(50*scale*wave, 1)), Memory: size.Of(200 * mib * scale * (1 + 0.1*wave))})
		}
	}
	got := state.Recommend(now, algorithm, profiles.Bounds{})
	c := v1alpha1.ContainerProfile{
		Name: "main", Algorithm: string(got.Algorithm), Lower: sizes.AmountsToAPI(got.Lower), Target: sizes.AmountsToAPI(got.Target),
		Upper: sizes.AmountsToAPI(got.Upper), Uncapped: sizes.AmountsToAPI(got.Uncapped), Peak: sizes.AmountsToAPI(got.Peak),
		StartUpPeak: sizes.AmountsToAPI(got.StartUpPeak), Shape: string(got.Shape), Samples: new(int64(got.Counts.Taken)),
		ConfidencePercent: new(got.ConfidencePercent), FirstSampleTime: new(metav1.NewTime(begin)), LastSampleTime: new(metav1.NewTime(now)),
	}
	for _, r := range got.Reasons {
		c.Reasons = append(c.Reasons, v1alpha1.ProfileReason{Code: string(r.Code), Message: r.Message})
	}
	return v1alpha1.WorkloadProfileStatus{
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionSignalsFresh, Status: metav1.ConditionTrue, Reason: "Fresh",
			Message: "usage is measured", LastTransitionTime: metav1.NewTime(begin), ObservedGeneration: 1}},
		Containers: []v1alpha1.ContainerProfile{c},
		Checkpoint: &v1alpha1.ProfileCheckpoint{Time: metav1.NewTime(now), Containers: []v1alpha1.ContainerCheckpoint{{Name: "main", Data: state.AppendCheckpoint(nil)}}},
	}
}
