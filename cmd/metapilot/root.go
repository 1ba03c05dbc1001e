package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/cli"
	"github.com/metapilot/metapilot/controllers/manager"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it was tried and went wrong
	exitUsage  = 2 // it could not be tried: a flag, an argument or the configuration is wrong
)

// plugin is the name under which kubectl finds the binary.
const plugin = "kubectl-metapilot"

// usageError is the caller's mistake.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// program is the command line, with everything it takes from its surroundings.
type program struct {
	name        string // as called: os.Args[0]
	in          io.Reader
	out, errs   io.Writer
	clock       clock.Clock
	controllers []manager.Controller
}

// run runs the command line and gives the exit code. An error is one line.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(p.errs, "%s: %s\n", p.calledAs(), oneLine(err))
	if errors.As(err, new(usageError)) || errors.As(err, new(cli.UsageError)) {
		return exitUsage
	}
	return exitFailed
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "metapilot",
		Short: "The autopilot of a MetaCluster: keeps tenants' control planes the right size",
		Long: `Metapilot is the autopilot of a MetaCluster, the cluster in which a platform team runs the control planes of its
tenants. It keeps every component the right size: up within seconds, down over hours, and it says why.`,
		Args: cobra.NoArgs,
		Example: `  # run the manager with a configuration file
  metapilot manager --config metapilot.yaml

  # as a plug-in of kubectl: what was decided for a tenant, and how it turned out
  kubectl metapilot history tenant-0001`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: p.calledAs()},
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see %s --help)", err, c.CommandPath())}
	})
	root.AddCommand(p.manager(), p.version())
	root.AddCommand(cli.Commands(cli.Options{
		Out: p.out, Err: p.errs, In: p.in, Clock: p.clock, UserAgent: "metapilot/" + versionOf(buildInfo()),
	})...)
	for _, c := range append(root.Commands(), root) {
		c.Args = usageArgs(c.Args)
	}
	return root
}

// usageArgs makes an error of the arguments a usageError.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{fmt.Errorf("%w (see %s --help)", err, c.CommandPath())}
		}
		return nil
	}
}

// calledAs gives the name under which a person called the program.
func (p *program) calledAs() string {
	if strings.TrimSuffix(filepath.Base(p.name), ".exe") == plugin {
		return "kubectl metapilot"
	}
	return "metapilot"
}

func oneLine(err error) string {
	return strings.Join(strings.Split(strings.TrimSpace(err.Error()), "\n"), "; ")
}
