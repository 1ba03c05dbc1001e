package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/metapilot/metapilot/test/sandbox/components"
)

func newBuild() *cobra.Command {
	var with []string
	cmd := &cobra.Command{
		Use:     "build",
		Short:   "Build the components ahead, into the user's cache folder",
		Example: "  sandbox build\n  sandbox build --with vpa   # also the Vertical Pod Autoscaler, the peer in benchmarks\n  sandbox build --with prometheus",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names := components.Default()
			for _, extra := range with {
				switch extra {
				case "vpa":
					names = append(names, components.VPA()...)
				case components.Prometheus:
					names = append(names, components.Prometheus)
				default:
					return fmt.Errorf("--with %q: there is vpa and prometheus", extra)
				}
			}
			builder := &components.Builder{Progress: cmd.ErrOrStderr()}
			paths, err := builder.Build(cmd.Context(), names...)
			if err != nil {
				return err
			}
			for _, name := range names {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), paths[name]); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&with, "with", nil, "what else to build: vpa, prometheus")
	return cmd
}
