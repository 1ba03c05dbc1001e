package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/controllers/manager"
)

func (p *program) manager() *cobra.Command {
	var file, kubeconfig string
	var patterns []string
	c := &cobra.Command{
		Use:   "manager --config FILE",
		Short: "Run the manager",
		Long: `Run the manager: it watches the tenants of the MetaCluster and resizes their control planes.

Several managers may run at once: one acts, the others stand by with warm caches. All settings are in the configuration
file (docs/configuration.md).

--controllers makes this manager run only some of the controllers, such as the profile service alone; the others must run
in another manager. Managers with the same choice share a Lease of their own.`,
		Example: `  # in the MetaCluster
  metapilot manager --config /etc/metapilot/metapilot.yaml

  # from a workstation
  metapilot manager --config metapilot.yaml --kubeconfig ~/.kube/config

  # the profile service alone
  metapilot manager --config metapilot.yaml --controllers 'profile-*'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("no configuration: write --config FILE")}
			}
			chosen, err := choose(p.controllers, patterns)
			if err != nil {
				return usageError{err}
			}
			return p.runManager(c.Context(), file, kubeconfig, chosen)
		},
	}
	c.Flags().StringVar(&file, "config", "", "file with a Configuration (required)")
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "", "file that leads to the MetaCluster; without it $KUBECONFIG, the pod's own account, or ~/.kube/config")
	c.Flags().StringSliceVar(&patterns, "controllers", nil, "names of the controllers to run, with * for any part of a name; all when left out")
	return c
}

// choose gives the controllers whose name matches a pattern, in the order of the table; all when there is no pattern.
func choose(controllers []manager.Controller, patterns []string) ([]manager.Controller, error) {
	if len(patterns) == 0 {
		return controllers, nil
	}
	chosen := map[string]bool{}
	for _, pattern := range patterns {
		found := false
		for _, c := range controllers {
			matches, err := path.Match(pattern, c.Name)
			if err != nil {
				return nil, fmt.Errorf("--controllers: %q is no pattern: %w", pattern, err)
			}
			if matches {
				chosen[c.Name], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("--controllers: no controller is called %q: write one of %s", pattern, strings.Join(namesOf(controllers), ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(controllers), func(c manager.Controller) bool { return !chosen[c.Name] }), nil
}

func namesOf(controllers []manager.Controller) []string {
	names := make([]string, 0, len(controllers))
	for _, c := range controllers {
		names = append(names, c.Name)
	}
	return names
}

func (p *program) runManager(ctx context.Context, file, kubeconfig string, chosen []manager.Controller) error {
	config, err := configv1alpha1.Load(file)
	if err != nil {
		return usageError{err}
	}
	if len(chosen) < len(p.controllers) {
		config.LeaderElection.Name = strings.Join(append([]string{config.LeaderElection.Name}, namesOf(chosen)...), "-")
	}
	restConfig, err := metaCluster(kubeconfig)
	if err != nil {
		return usageError{err}
	}
	restConfig.UserAgent = "metapilot/" + versionOf(buildInfo())
	log := manager.NewLogger(config.Logging, p.errs)
	ctrllog.SetLogger(log)
	klog.SetLogger(log.WithName("client-go"))
	return manager.Run(ctx, manager.Options{
		Config: config, RESTConfig: restConfig, Log: log, Clock: p.clock, Controllers: chosen,
	})
}

// metaCluster finds the way to the MetaCluster as kubectl does.
func metaCluster(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the MetaCluster (write --kubeconfig FILE): %w", err)
	}
	return config, nil
}
