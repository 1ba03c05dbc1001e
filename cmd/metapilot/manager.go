package main

import (
	"context"
	"errors"
	"fmt"

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
	c := &cobra.Command{
		Use:   "manager --config FILE",
		Short: "Run the manager",
		Long: `Run the manager: it watches the tenants of the MetaCluster and resizes their control planes.

Several managers may run at once: one acts, the others stand by with warm caches. All settings are in the configuration
file (docs/configuration.md).`,
		Example: `  # in the MetaCluster
  metapilot manager --config /etc/metapilot/metapilot.yaml

  # from a workstation
  metapilot manager --config metapilot.yaml --kubeconfig ~/.kube/config`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("no configuration: write --config FILE")}
			}
			return p.runManager(c.Context(), file, kubeconfig)
		},
	}
	c.Flags().StringVar(&file, "config", "", "file with a Configuration (required)")
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "", "file that leads to the MetaCluster; without it $KUBECONFIG, the pod's own account, or ~/.kube/config")
	return c
}

func (p *program) runManager(ctx context.Context, file, kubeconfig string) error {
	config, err := configv1alpha1.Load(file)
	if err != nil {
		return usageError{err}
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
		Config: config, RESTConfig: restConfig, Log: log, Clock: p.clock, Controllers: p.controllers,
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
