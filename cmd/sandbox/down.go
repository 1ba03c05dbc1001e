package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/metapilot/metapilot/test/sandbox"
)

func newDown(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "down",
		Short:   "Stop a sandbox and all its processes; its data is void",
		Example: "  sandbox down\n  sandbox down --name big",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.attach()
			if errors.Is(err, sandbox.ErrNotRunning) {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "no sandbox runs; nothing to do")
				return err
			}
			if err != nil {
				return err
			}
			if err := s.Stop(); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "the sandbox is down; no process is left")
			return err
		},
	}
}
