package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/metapilot/metapilot/scalers/signals"
	"github.com/metapilot/metapilot/test/sandbox/exporter"
)

func newSignals(a *app) *cobra.Command {
	var names []string
	for _, s := range signals.Table() {
		names = append(names, fmt.Sprintf("  %-18s%s", s.Name, s.Unit))
	}
	cmd := &cobra.Command{
		Use:   "signals",
		Short: "Say what simulated control planes go through: rejections, seats, throttled clients, pressure, objects",
		Long: `Simulated components tell what idle ones do, under the metrics' real names; Prometheus scrapes it (sandbox up
--prometheus). Signals, with their units (docs/signals.md says what each means):

` + strings.Join(names, "\n"),
	}
	cmd.AddCommand(newSignalsSet(a), newSignalsClear(a), newSignalsList(a))
	return cmd
}

func newSignalsSet(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "set TENANT[/COMPONENT] SIGNAL VALUE",
		Short: "Make a signal of a tenant, or of all, have a value from the next scrape on",
		Example: `  sandbox signals set tenant-0003 Rejections 5
  sandbox signals set tenant-0003 Seats 0.95
  sandbox signals set tenant-0003/kube-controller-manager ClientThrottling 2.5
  sandbox signals set tenant-0003/etcd MemoryPressure 0.3
  sandbox signals set all Nodes 40`,
		Args: arguments(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			setting, err := settingOf(args[0], args[1])
			if err != nil {
				return err
			}
			if setting.Amount, err = strconv.ParseFloat(args[2], 64); err != nil {
				return fmt.Errorf("VALUE is %q; write a number, such as 0.5", args[2])
			}
			s, err := a.attach()
			if err != nil {
				return err
			}
			if err := s.SetSignal(cmd.Context(), setting); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s of %s is %s\n", setting.Signal, args[0], amountOf(setting))
			return err
		},
	}
}

func newSignalsClear(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "clear TENANT[/COMPONENT] SIGNAL",
		Short:   "Take back what was set for the same: an idle component again",
		Example: "  sandbox signals clear tenant-0003 Rejections\n  sandbox signals clear all Nodes",
		Args:    arguments(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			setting, err := settingOf(args[0], args[1])
			if err != nil {
				return err
			}
			s, err := a.attach()
			if err != nil {
				return err
			}
			if err := s.ClearSignal(cmd.Context(), setting); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s of %s is not set any more\n", setting.Signal, args[0])
			return err
		},
	}
}

func newSignalsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List what is set; the lower line wins",
		Example: "  sandbox signals list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.attach()
			if err != nil {
				return err
			}
			settings, err := s.Signals(cmd.Context())
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(table, "TENANT\tCOMPONENT\tSIGNAL\tVALUE") // the writer keeps its error for Flush
			for _, s := range settings {
				_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", orAll(s.Namespace), orAll(s.Component), s.Signal, amountOf(s))
			}
			return table.Flush()
		},
	}
}

func orAll(text string) string {
	if text == "" {
		return "all"
	}
	return text
}

// amountOf writes a value with its unit, where it has one.
func amountOf(s exporter.Setting) string {
	row, _ := signals.Of(s.Signal)
	if row.Unit == signals.Count || row.Unit == signals.Share {
		return s.Text()
	}
	return s.Text() + " " + string(row.Unit)
}

// settingOf reads TENANT, TENANT/COMPONENT, all, or all/COMPONENT.
func settingOf(target, signal string) (exporter.Setting, error) {
	namespace, component, narrow := strings.Cut(target, "/")
	if namespace == "" || narrow && component == "" || strings.Contains(component, "/") {
		return exporter.Setting{}, fmt.Errorf("%q is neither TENANT nor TENANT/COMPONENT, such as tenant-0003/etcd; all stands for every tenant", target)
	}
	if namespace == "all" {
		namespace = ""
	}
	s := exporter.Setting{Namespace: namespace, Component: component, Signal: signals.Name(signal)}
	return s, s.Validate()
}
