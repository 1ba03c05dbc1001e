package main

import (
	"context"
	"fmt"
	"path/filepath"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/installation"
)

// startMetapilot installs the definitions and the shipped permissions, gives each of its tenants a ClusterScaler, and runs
// the manager.
func (w *world) startMetapilot(ctx context.Context) error {
	if err := installation.Definitions(ctx, w.client); err != nil {
		return err
	}
	as, err := installation.Manager(ctx, w.box.RESTConfig(), w.client)
	if err != nil {
		return err
	}
	for _, s := range setups() {
		if s.vpa != nil {
			continue
		}
		for _, name := range w.tenants[s.name] {
			if err := w.client.Create(ctx, newClusterScaler(name)); err != nil {
				return fmt.Errorf("making a ClusterScaler: %w", err)
			}
		}
	}
	program, err := filepath.Abs(w.options.manager)
	if err != nil {
		return fmt.Errorf("finding the manager: %w", err)
	}
	w.manager, err = installation.StartManager(ctx, program, w.dir, as, installation.Settings{LeaderElection: true})
	return err
}

func newClusterScaler(namespace string) *v1alpha1.ClusterScaler {
	return &v1alpha1.ClusterScaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "control-plane"},
		Spec: v1alpha1.ClusterScalerSpec{
			Mode: v1alpha1.ModeAuto,
			Components: []v1alpha1.Component{{
				Name:   component,
				Target: v1alpha1.Target{Kind: v1alpha1.TargetDeployment, Name: component, Container: component},
				Bounds: &v1alpha1.Bounds{
					Min: &v1alpha1.BoundAmounts{CPU: new(resource.MustParse(minCPU)), Memory: new(resource.MustParse(minMemory))},
					Max: &v1alpha1.BoundAmounts{Memory: new(resource.MustParse(maxMemory))},
				},
				Actuation: &v1alpha1.Actuation{Type: v1alpha1.ActuationInPlace},
			}},
		},
	}
}

// metapilotReady says what is missing.
func (w *world) metapilotReady(ctx context.Context) (string, error) {
	list := &v1alpha1.ClusterScalerList{}
	if err := w.client.List(ctx, list); err != nil {
		return "", fmt.Errorf("listing ClusterScalers: %w", err)
	}
	for i := range list.Items {
		if !meta.IsStatusConditionTrue(list.Items[i].Status.Conditions, v1alpha1.ConditionReady) {
			return "not Ready is, for one, that of " + list.Items[i].Namespace, nil
		}
	}
	return "", nil
}
