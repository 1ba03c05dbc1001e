package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

const (
	// completionPatience is how long a shell waits for names.
	completionPatience = 3 * time.Second
	// completionLimit is how many names are read: more than anybody looks through.
	completionLimit = 1000
)

// completeArgs offers tenants, then the components of the tenant. What goes wrong offers nothing: a shell has no place for it.
func (s *scope) completeArgs(c *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0 && !s.all:
		return s.completeTenants(c, args, toComplete)
	case len(args) == 1:
		return s.componentsOf(c, args[0]), cobra.ShellCompDirectiveNoFileComp
	default:
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

func (s *scope) completeTenants(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(commandContext(c), completionPatience)
	defer cancel()
	connection, err := s.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ClusterScalerList"))
	if err := connection.List(ctx, list, client.Limit(completionLimit)); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]string, 0, len(list.Items))
	for _, o := range list.Items {
		names = append(names, o.Namespace)
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

func (s *scope) componentsOf(c *cobra.Command, tenant string) []string {
	ctx, cancel := context.WithTimeout(commandContext(c), completionPatience)
	defer cancel()
	connection, err := s.connect()
	if err != nil {
		return nil
	}
	var names []string
	err = connection.scalers(ctx, tenant, "", func(scaler *v1alpha1.ClusterScaler) error {
		for _, component := range scaler.Spec.Components {
			names = append(names, component.Name)
		}
		return nil
	})
	if err != nil {
		return nil
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *scope) completeContexts(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	config, err := s.loader().RawConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]string, 0, len(config.Contexts))
	for name := range config.Contexts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}

// commandContext is the command's context; a completion may have none.
func commandContext(c *cobra.Command) context.Context {
	if ctx := c.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
