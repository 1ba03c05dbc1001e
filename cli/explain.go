package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/explain"
	"github.com/metapilot/metapilot/cli/show"
)

type explainVerb struct{ scope }

func newExplain(o Options) *cobra.Command {
	v := &explainVerb{scope{Options: o}}
	c := &cobra.Command{
		Use:   "explain [TENANT] [COMPONENT]",
		Short: "Explain what was decided for a tenant, and why",
		Long: `Explain what was decided for a tenant, or for one of its components, as a chain: the signals with their age, what they
ask for, every estimator's answer, the bounds, what each gate said, the plan, what was done, and how it turned out.

✓ passed or taken   ✗ holds or failed   » passed unasked, since it is urgent   ? not known`,
		Example: `  # every component of a tenant
  metapilot explain tenant-0001

  # one component, for an issue
  metapilot explain tenant-0001 kube-apiserver -o markdown`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args) },
	}
	v.addTo(c, false, show.FormatTable, show.FormatJSON, show.FormatYAML, show.FormatMarkdown)
	return c
}

func (v *explainVerb) run(ctx context.Context, args []string) error {
	format, err := v.format()
	if err != nil {
		return err
	}
	namespace, err := v.tenant(args)
	if err != nil {
		return err
	}
	component := ""
	if len(args) > 1 {
		component = args[1]
	}
	connection, err := v.connect()
	if err != nil {
		return err
	}
	chains, err := v.read(ctx, connection, namespace, component)
	if err != nil {
		return advised(err, connection.server)
	}
	switch format {
	case show.FormatTable:
		return explain.Text(v.Out, chains, v.colour())
	case show.FormatMarkdown:
		return explain.Markdown(v.Out, chains)
	default:
		return show.Document(v.Out, format, map[string]any{"components": chains})
	}
}

func (v *explainVerb) read(ctx context.Context, c *connection, namespace, component string) ([]explain.Chain, error) {
	scaler, err := v.acting(ctx, c, namespace)
	if err != nil {
		return nil, err
	}
	profiles, err := v.profiles(ctx, c, namespace)
	if err != nil {
		return nil, err
	}
	var chains []explain.Chain
	var names []string
	for i := range scaler.Spec.Components {
		spec := &scaler.Spec.Components[i]
		names = append(names, spec.Name)
		if component != "" && spec.Name != component {
			continue
		}
		facts := explain.Facts{Scaler: scaler, Component: spec, Profile: profiles[v1alpha1.TargetOf(spec.Target.Kind, spec.Target.Name)], Now: v.Clock.Now()}
		if facts.Record, err = lastRecord(ctx, c, scaler, spec.Name); err != nil {
			return nil, err
		}
		chains = append(chains, explain.Decision(facts))
	}
	if len(chains) == 0 {
		return nil, usagef("tenant %s has no component %s: write one of %s", namespace, component, strings.Join(names, ", "))
	}
	return chains, nil
}

// acting gives the ClusterScaler of a namespace that acts: the oldest.
func (v *explainVerb) acting(ctx context.Context, c *connection, namespace string) (*v1alpha1.ClusterScaler, error) {
	var all []*v1alpha1.ClusterScaler
	err := c.scalers(ctx, namespace, "", func(s *v1alpha1.ClusterScaler) error {
		all = append(all, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, usagef("namespace %s has no ClusterScaler: name a tenant; kubectl get clusterscalers -A lists them", namespace)
	}
	oldest := slices.MinFunc(all, func(a, b *v1alpha1.ClusterScaler) int {
		if byAge := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); byAge != 0 {
			return byAge
		}
		return strings.Compare(a.Name, b.Name)
	})
	if len(all) > 1 {
		fmt.Fprintf(v.Err, "namespace %s has %d ClusterScalers, and only the oldest, %s, acts\n", namespace, len(all), oldest.Name)
	}
	return oldest, nil
}

// profiles gives the tenant's profiles by their workloads; none to whoever may not read them, which the chain says.
func (v *explainVerb) profiles(ctx context.Context, c *connection, namespace string) (map[v1alpha1.WorkloadTarget]*v1alpha1.WorkloadProfile, error) {
	list := &v1alpha1.WorkloadProfileList{}
	if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil && !apierrors.IsForbidden(err) && !noSuchAPI(err) {
		return nil, fmt.Errorf("listing workloadprofiles%s: %w", inNamespace(namespace), err)
	}
	out := map[v1alpha1.WorkloadTarget]*v1alpha1.WorkloadProfile{}
	for i := range list.Items {
		out[list.Items[i].Spec.Target] = &list.Items[i]
	}
	return out, nil
}

// lastRecord gives the newest record of a component; nil where there is none.
func lastRecord(ctx context.Context, c *connection, scaler *v1alpha1.ClusterScaler, component string) (*v1alpha1.ScalingRecord, error) {
	for i := range scaler.Status.Components {
		if s := &scaler.Status.Components[i]; s.Name == component {
			return recordOf(ctx, c, scaler.Namespace, s)
		}
	}
	return nil, nil // nothing was decided yet
}

// recordOf gives the record that is open, or else the newest; nil where there is none any more.
func recordOf(ctx context.Context, c *connection, namespace string, s *v1alpha1.ComponentStatus) (*v1alpha1.ScalingRecord, error) {
	name := firstOf(s.OpenRecord, s.LastRecord)
	if name == "" {
		return nil, nil // nothing was done yet
	}
	record := &v1alpha1.ScalingRecord{}
	err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, record)
	if apierrors.IsNotFound(err) && !noSuchAPI(err) {
		return nil, nil // records are let go after a time; the status still names them
	}
	if err != nil {
		return nil, fmt.Errorf("reading scalingrecord %s%s: %w", name, inNamespace(namespace), err)
	}
	return record, nil
}
