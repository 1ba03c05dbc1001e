package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func newKubeconfig(a *app) *cobra.Command {
	var content bool
	cmd := &cobra.Command{
		Use:     "kubeconfig",
		Short:   "Print the path of the administrator's kubeconfig, or the file itself",
		Example: "  export KUBECONFIG=$(sandbox kubeconfig)\n  sandbox kubeconfig --content > copy.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.attach()
			if err != nil {
				return err
			}
			if !content {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), s.KubeconfigPath())
				return err
			}
			file, err := os.ReadFile(s.KubeconfigPath())
			if err != nil {
				return fmt.Errorf("reading the kubeconfig: %w", err)
			}
			_, err = cmd.OutOrStdout().Write(file)
			return err
		},
	}
	cmd.Flags().BoolVar(&content, "content", false, "print the file instead of its path")
	return cmd
}
