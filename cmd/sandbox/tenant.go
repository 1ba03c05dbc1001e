package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

func newTenant(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "tenant", Short: "Add and list tenants"}
	cmd.AddCommand(newTenantAdd(a), newTenantList(a))
	return cmd
}

func newTenantAdd(a *app) *cobra.Command {
	o := sandbox.TenantOptions{}
	var wait bool
	var layouts []string
	for _, l := range tenant.Layouts() {
		layouts = append(layouts, fmt.Sprintf("  %-12s%s", l.Name, l.Summary))
	}
	cmd := &cobra.Command{
		Use:     "add N",
		Short:   "Add N tenants: a namespace each, with kube-apiserver x2, kube-controller-manager, kube-scheduler and etcd x3",
		Long:    "Adds N tenants as a platform team would. Layouts:\n\n" + strings.Join(layouts, "\n"),
		Example: "  sandbox tenant add 20 --wait\n  sandbox tenant add 5 --layout guaranteed --prefix gold- --label metapilot.dev/tier=premium",
		Args:    arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[0])
			if err != nil || n < 1 {
				return fmt.Errorf("N is %q; it must be a number of 1 or more", args[0])
			}
			o.Count = n
			s, err := a.attach()
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("start") {
				if o.StartIndex, err = s.NextTenantIndex(cmd.Context(), o.NamePrefix); err != nil {
					return err
				}
			}
			started := time.Now()
			names, err := s.AddTenants(cmd.Context(), o)
			if err != nil {
				return err
			}
			verb := "made"
			if wait {
				verb = "made and ready"
				if err := s.WaitTenantsReady(cmd.Context(), names...); err != nil {
					return err
				}
			}
			who := names[0] + " is"
			if n > 1 {
				who = fmt.Sprintf("%s to %s are", names[0], names[n-1])
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s after %s\n", who, verb, time.Since(started).Round(10*time.Millisecond))
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Layout, "layout", "small", "what a tenant is made of")
	flags.StringVar(&o.NamePrefix, "prefix", "tenant-", "of the names; a number of four digits follows")
	flags.IntVar(&o.StartIndex, "start", 0, "number of the first one (default: after the last)")
	flags.StringToStringVar(&o.Labels, "label", nil, "labels of the namespaces, NAME=VALUE")
	flags.BoolVar(&wait, "wait", false, "wait until all their pods are ready")
	return cmd
}

func newTenantList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the tenants with their pods",
		Example: "  sandbox tenant list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.attach()
			if err != nil {
				return err
			}
			tenants, err := s.Tenants(cmd.Context())
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(table, "TENANT\tLAYOUT\tTIER\tREGION\tUSER\tPODS READY") // the writer keeps its error for Flush
			for _, t := range tenants {
				_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d/%d\n", t.Name, t.Layout, t.Tier, t.Region, t.User, t.Ready, t.Pods)
			}
			return table.Flush()
		},
	}
}
