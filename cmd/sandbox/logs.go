package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func newLogs(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "logs COMPONENT",
		Short:   "Print the log of a component (kubelet is the simulated one)",
		Example: "  sandbox logs kube-apiserver\n  sandbox logs kubelet",
		Args:    arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := a.stateDir() // the logs stay when the sandbox is down
			if err != nil {
				return err
			}
			files, err := filepath.Glob(filepath.Join(dir, "logs", "*.log"))
			if err != nil {
				return fmt.Errorf("looking for logs: %w", err)
			}
			var names []string
			for _, file := range files {
				name := strings.TrimSuffix(filepath.Base(file), ".log")
				names = append(names, name)
				if name != args[0] {
					continue
				}
				log, err := os.Open(file)
				if err != nil {
					return fmt.Errorf("opening the log: %w", err)
				}
				defer func() { _ = log.Close() }()
				_, err = io.Copy(cmd.OutOrStdout(), log)
				return err
			}
			return fmt.Errorf("there is no log of %q in %s; there are: %s", args[0], dir, strings.Join(names, ", "))
		},
	}
}
