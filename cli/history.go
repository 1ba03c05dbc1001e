package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/history"
	"github.com/metapilot/metapilot/cli/show"
)

// historyLimit is how many records are shown unless more are asked for.
const historyLimit = 50

type historyVerb struct {
	scope
	limit int
	since time.Duration
}

func newHistory(o Options) *cobra.Command {
	v := &historyVerb{scope: scope{Options: o}}
	c := &cobra.Command{
		Use:   "history [TENANT] [COMPONENT]",
		Short: "Show what was decided, and how it turned out",
		Long: `Show what was decided, and how it turned out: the ScalingRecords of a tenant, of one of its components, or of all
tenants, newest first. TOOK is the time from when the cause was detected until every replica had the size.`,
		Example: `  # of the context's namespace
  metapilot history

  # of one component, with every column
  metapilot history tenant-0001 kube-apiserver -o wide

  # of the whole fleet in the last day, for a spreadsheet
  metapilot history -A --since 24h --limit 0 -o csv`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args) },
	}
	v.addTo(c, true, show.FormatTable, show.FormatWide, show.FormatJSON, show.FormatYAML, show.FormatCSV, show.FormatMarkdown)
	c.Flags().IntVar(&v.limit, "limit", historyLimit, "show at most so many, the newest; 0 is all")
	c.Flags().DurationVar(&v.since, "since", 0, "leave out what was decided longer ago, e.g. 24h")
	return c
}

func (v *historyVerb) run(ctx context.Context, args []string) error {
	format, err := v.format()
	if err != nil {
		return err
	}
	if v.limit < 0 || v.since < 0 {
		return usagef("--limit and --since cannot be negative: write a number such as 50, a time such as 24h")
	}
	namespace, err := v.tenant(args)
	if err != nil {
		return err
	}
	component := ""
	if len(args) > 1 {
		component = args[1]
	}
	connection, err := v.connect()
	if err != nil {
		return err
	}
	entries, leftOut, err := v.read(ctx, connection, namespace, component)
	if err != nil {
		return advised(err, connection.server)
	}
	if len(entries) == 0 && namespace != "" {
		fmt.Fprintf(v.Err, "no records in namespace %s: name another tenant, or write -A for all\n", namespace)
	}
	if leftOut > 0 {
		defer fmt.Fprintf(v.Err, "%s left out: --limit 0 shows all\n", show.Count(leftOut, "older record", "older records"))
	}
	if format == show.FormatJSON || format == show.FormatYAML {
		return show.Document(v.Out, format, map[string]any{"records": entries})
	}
	return history.Table(entries, namespace == "", v.Clock.Now()).Write(v.Out, format, v.colour())
}

// read keeps no more entries than twice the limit at any time.
func (v *historyVerb) read(ctx context.Context, c *connection, namespace, component string) (entries []history.Entry, leftOut int, err error) {
	entries = []history.Entry{}
	options := []client.ListOption{client.InNamespace(namespace)}
	if component != "" {
		options = append(options, client.MatchingLabels{v1alpha1.LabelComponent: v1alpha1.LabelValue(component)})
	}
	newest := func() {
		var n int
		entries, n = history.Newest(entries, v.limit)
		leftOut += n
	}
	earliest := v.Clock.Now().Add(-v.since)
	list := &v1alpha1.ScalingRecordList{}
	err = c.eachPage(ctx, list, func() error {
		for i := range list.Items {
			if e := history.Of(&list.Items[i]); v.since == 0 || !e.Time.Before(earliest) {
				entries = append(entries, e)
			}
		}
		list.Items = nil
		if v.limit > 0 && len(entries) > 2*v.limit {
			newest()
		}
		return nil
	}, options...)
	if err != nil {
		return nil, 0, fmt.Errorf("listing scalingrecords%s: %w", inNamespace(namespace), err)
	}
	newest()
	return entries, leftOut, nil
}
