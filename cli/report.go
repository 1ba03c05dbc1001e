package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/report"
	"github.com/metapilot/metapilot/cli/show"
)

type reportVerb struct {
	scope
	selector          string
	cpuHour, gibHour  float64
	hasCPU, hasMemory bool
}

func newReport(o Options) *cobra.Command {
	v := &reportVerb{scope: scope{Options: o}}
	c := &cobra.Command{
		Use:   "report [TENANT]",
		Short: "Report what would change in the fleet, why, what it saves and what it risks",
		Long: `Report what would change in the fleet, or in one tenant: of every component the size now and the one that it would come to,
why, what holds it, what it saves and what it risks. With mode DryRun nothing of it is done; with mode Auto it is on its way.
What is not known is shown as "-" and is in no sum.`,
		Example: `  # the fleet, on the terminal
  metapilot report -A

  # as one page, to be sent around, with money
  metapilot report -A --price-cpu-hour 0.03 --price-gib-hour 0.004 -o html > report.html

  # every component, for a spreadsheet
  metapilot report -A -o csv > report.csv`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v.hasCPU, v.hasMemory = c.Flags().Changed("price-cpu-hour"), c.Flags().Changed("price-gib-hour")
			return v.run(c.Context(), args)
		},
	}
	v.addTo(c, true, show.FormatTable, show.FormatWide, show.FormatJSON, show.FormatYAML, show.FormatCSV, show.FormatMarkdown, show.FormatHTML)
	c.Flags().StringVarP(&v.selector, "selector", "l", "", "labels of the ClusterScalers")
	c.Flags().Float64Var(&v.cpuHour, "price-cpu-hour", 0, "what a core costs in an hour, in any currency; without it nothing is said of money")
	c.Flags().Float64Var(&v.gibHour, "price-gib-hour", 0, "what a GiB of memory costs in an hour")
	return c
}

func (v *reportVerb) run(ctx context.Context, args []string) error {
	format, err := v.format()
	if err != nil {
		return err
	}
	var prices report.Prices
	if v.hasCPU {
		prices.CPUHour = &v.cpuHour
	}
	if v.hasMemory {
		prices.GiBHour = &v.gibHour
	}
	if v.cpuHour < 0 || v.gibHour < 0 {
		return usagef("a price cannot be negative: write one such as --price-cpu-hour 0.03")
	}
	namespace, err := v.tenant(args)
	if err != nil {
		return err
	}
	connection, err := v.connect()
	if err != nil {
		return err
	}
	r, err := v.read(ctx, connection, namespace, prices)
	if err != nil {
		return advised(err, connection.server)
	}
	if len(r.Rows) == 0 {
		fmt.Fprintf(v.Err, "no ClusterScalers%s: name a tenant, or write -A for all\n", inNamespace(namespace))
	}
	return v.tell(r, format)
}

func (v *reportVerb) tell(r report.Report, format show.Format) error {
	switch format {
	case show.FormatHTML:
		return r.HTML(v.Out)
	case show.FormatMarkdown:
		return r.Markdown(v.Out)
	case show.FormatCSV:
		return report.Table(r.Rows, true, r.Prices).Write(v.Out, format, false)
	case show.FormatJSON, show.FormatYAML:
		return show.Document(v.Out, format, r)
	default:
		return r.Text(v.Out, format == show.FormatWide, v.colour())
	}
}

// read holds one page of ClusterScalers and the records of it at a time, and of the rest a row of each component.
func (v *reportVerb) read(ctx context.Context, c *connection, namespace string, prices report.Prices) (report.Report, error) {
	profiles, err := c.profileFacts(ctx, namespace, v.Clock.Now())
	switch {
	case apierrors.IsForbidden(err):
		fmt.Fprintln(v.Err, "you may not list workloadprofiles, so every risk is unknown: docs/cli.md lists what a report needs")
	case err != nil:
		return report.Report{}, err
	}
	builder := report.NewBuilder(v.Clock.Now(), prices)
	var page []report.Component
	flush := func() error {
		if err := v.records(ctx, c, page); err != nil {
			return err
		}
		for _, component := range page {
			builder.Add(component)
		}
		page = page[:0]
		return nil
	}
	err = c.scalers(ctx, namespace, v.selector, func(s *v1alpha1.ClusterScaler) error {
		page = append(page, components(s, profiles)...)
		if len(page) < pageSize {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return report.Report{}, err
	}
	return builder.Report(), nil
}

// components are those of a scaler; of one beside an older scaler, which does nothing, none.
func components(s *v1alpha1.ClusterScaler, profiles map[componentKey]profileFacts) []report.Component {
	if ready := apimeta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady); ready != nil && ready.Reason == string(decision.ReasonAnotherScaler) {
		return nil
	}
	var out []report.Component
	for i := range s.Spec.Components {
		c := report.Component{Tenant: s.Namespace, Scaler: s.Name, Mode: s.Spec.Mode, Spec: &s.Spec.Components[i]}
		for j := range s.Status.Components {
			if s.Status.Components[j].Name == c.Spec.Name {
				c.Status = &s.Status.Components[j]
			}
		}
		if p, ok := profiles[componentKey{s.Namespace, c.Spec.Name}]; ok {
			c.Profile = &p.Profile
		}
		out = append(out, c)
	}
	return out
}

// records reads the newest record of each component that has one.
func (v *reportVerb) records(ctx context.Context, c *connection, page []report.Component) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range page {
		if s := page[i].Status; s == nil || firstOf(s.OpenRecord, s.LastRecord) == "" {
			continue
		}
		group.Go(func() error {
			record, err := recordOf(ctx, c, page[i].Tenant, page[i].Status)
			page[i].Record = record
			return err
		})
	}
	return group.Wait()
}
