package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

func main() {
	ctrllog.SetLogger(logr.Discard()) // the transcript speaks for itself
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

func command() *cobra.Command {
	o := options{tenants: 20, manager: "bin/metapilot", timeout: 10 * time.Minute}
	c := &cobra.Command{
		Use:           "demo",
		Short:         "Show an OOM kill being answered, on real Kubernetes components",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := os.Stat(o.manager); errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("there is no %s: run `make build`, or name the program with --manager", o.manager)
			}
			return run(c.Context(), o, newNarrator(os.Stdout))
		},
	}
	c.Flags().IntVar(&o.tenants, "tenants", o.tenants, "how many tenants the fleet has (at least 3)")
	c.Flags().StringVar(&o.manager, "manager", o.manager, "the metapilot program")
	c.Flags().BoolVar(&o.keep, "keep", false, "leave the sandbox and the manager running until Ctrl-C, to play with")
	c.Flags().DurationVar(&o.timeout, "timeout", o.timeout, "give up after this time (not counting the first build of the components)")
	return c
}
