package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

type options struct {
	tenants int
	ooms    int
	spread  time.Duration
	timeout time.Duration
	manager string
	out     string
	keep    string
}

func main() {
	ctrllog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			err = errors.New("interrupted; nothing was written, and nothing is left running")
		}
		fmt.Fprintln(os.Stderr, "reaction:", err)
		stop()
		os.Exit(1)
	}
}

func command() *cobra.Command {
	o := options{tenants: 15, ooms: 12, spread: time.Minute, timeout: 4 * time.Minute, manager: "bin/metapilot", out: "bin/bench"}
	c := &cobra.Command{
		Use:           "reaction",
		Short:         "Measure how long an OOM-killed component waits for more memory, under Metapilot and under VPA",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return run(c.Context(), o, newNarrator(os.Stdout))
		},
	}
	f := c.Flags()
	f.IntVar(&o.tenants, "tenants", o.tenants, "tenants of each scaler; those without an OOM are bystanders")
	f.IntVar(&o.ooms, "ooms", o.ooms, "OOM kills for each scaler, one for a tenant")
	f.DurationVar(&o.spread, "spread", o.spread, "spread the kills over this time; VPA looks once in a minute, so a minute meets all its moods")
	f.DurationVar(&o.timeout, "timeout", o.timeout, "wait so long for the answer to a kill")
	f.StringVar(&o.manager, "manager", o.manager, "the metapilot program")
	f.StringVar(&o.out, "out", o.out, "folder to write reaction.json and reaction.md to")
	f.StringVar(&o.keep, "keep-logs", o.keep, "run in this folder and leave the logs of all programs there")
	return c
}

func (o options) validate() error {
	switch {
	case o.ooms < 1:
		return fmt.Errorf("--ooms is %d; it must be 1 or more", o.ooms)
	case o.tenants < o.ooms:
		return fmt.Errorf("--tenants is %d, --ooms %d: every OOM needs a tenant of its own", o.tenants, o.ooms)
	case o.spread < 0:
		return fmt.Errorf("--spread is %s; it cannot be negative", o.spread)
	case o.timeout <= 0:
		return fmt.Errorf("--timeout is %s; it must be above 0", o.timeout)
	}
	if _, err := os.Stat(o.manager); err != nil {
		return fmt.Errorf("run `make build`, or name the program with --manager: %w", err)
	}
	return nil
}

func run(ctx context.Context, o options, n *narrator) (err error) {
	w, err := newWorld(ctx, o, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := w.startScalers(ctx); err != nil {
		return err
	}
	result, err := w.measure(ctx)
	if err != nil {
		return err
	}
	n.title("Result")
	n.say("%s", result.text())
	if err := result.write(o.out); err != nil {
		return err
	}
	n.say("written: %s and %s", filepath.Join(o.out, jsonFile), filepath.Join(o.out, markdownFile))
	return result.judge()
}
