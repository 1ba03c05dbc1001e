package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/metapilot/metapilot/test/sandbox"
)

func newStorm(a *app) *cobra.Command {
	o := sandbox.StormOptions{}
	cmd := &cobra.Command{
		Use:   "storm TENANT",
		Short: "Drive a real tenant's kube-apiserver into 429s: many clients list many objects at once",
		Long: `Makes objects in a real tenant (sandbox up --real-tenants N) and lists them with many clients at once, with a label
selector that none of them has. It is bounded in objects, clients and time, and stays on the loopback. Ctrl-C ends it early.`,
		Example: "  sandbox storm real-0001\n  sandbox storm real-0001 --objects 20000 --concurrency 600 --duration 2m",
		Args:    arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.attach()
			if err != nil {
				return err
			}
			begun := time.Now()
			report, err := s.Storm(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			first := "none was rejected: more clients (--concurrency) fill its queues"
			if !report.FirstRejected.IsZero() {
				first = fmt.Sprintf("the first after %s, objects included", report.FirstRejected.Sub(begun).Round(10*time.Millisecond))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d lists served, %d rejected (429), %d failed; %s\n", args[0], report.Lists, report.Rejected, report.Failed, first)
			if report.Failure != nil {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "one that failed: %v\n", report.Failure)
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Objects, "objects", 2000, "objects to look through, up to 50000")
	flags.IntVar(&o.Concurrency, "concurrency", 400, "clients at once, up to 1000; about 300 requests wait, the rest is rejected")
	flags.DurationVar(&o.Duration, "duration", 30*time.Second, "for how long, up to 10m")
	return cmd
}
