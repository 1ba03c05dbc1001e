package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/pausing"
	"github.com/metapilot/metapilot/cli/show"
)

// fieldOwner is who wrote what people wrote with this program.
const fieldOwner = "metapilot-cli"

// atOnce is how many objects are written or read at a time.
const atOnce = 16

type pauseVerb struct {
	scope
	selector, namespaceSelector string
	dryRun                      string
	yes                         bool
	length, direction, reason   string
	resume                      bool
}

func newPause(o Options) *cobra.Command {
	v := &pauseVerb{scope: scope{Options: o}}
	c := &cobra.Command{
		Use:   "pause TENANT... | -l SELECTOR | -A",
		Short: "Hold changes of tenants until a time",
		Long: `Hold changes of tenants until a time; then the pause ends by itself. What has begun is finished. --direction Both and Up also
hold the answers to OOM kills. Several tenants are listed first, and changed when that is confirmed.`,
		Example: `  # a tenant, during a load test
  metapilot pause tenant-0001 --for 2h --reason 'load test'

  # let the whole fleet grow, but not shrink, over a weekend
  metapilot pause -A --direction Down --for 3d

  # see what the API server would say
  metapilot pause -l tier=gold --for 2h --dry-run=server`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args) },
	}
	c.Flags().StringVar(&v.length, "for", "", "for how long, e.g. 90m, 2h or 3d (required)")
	c.Flags().StringVar(&v.direction, "direction", string(v1alpha1.PauseBoth), "what to hold: Up, Down or Both")
	c.Flags().StringVar(&v.reason, "reason", "", "why, for whoever wonders")
	v.addPauseFlags(c)
	v.complete(c, "direction", cobra.FixedCompletions([]string{"Both", "Up", "Down"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func newResume(o Options) *cobra.Command {
	v := &pauseVerb{scope: scope{Options: o}, resume: true}
	c := &cobra.Command{
		Use:   "resume TENANT... | -l SELECTOR | -A",
		Short: "End pauses of tenants",
		Long:  `End pauses of tenants at once. Several tenants are listed first, and changed when that is confirmed.`,
		Example: `  metapilot resume tenant-0001

  # every tenant that is paused, without a question
  metapilot resume -A --yes`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), args) },
	}
	v.addPauseFlags(c)
	return c
}

func (v *pauseVerb) addPauseFlags(c *cobra.Command) {
	c.ValidArgsFunction = v.completeTenants
	v.addTo(c, true, show.FormatTable, show.FormatJSON, show.FormatYAML)
	flags := c.Flags()
	flags.StringVarP(&v.selector, "selector", "l", "", "labels of the ClusterScalers")
	flags.StringVar(&v.namespaceSelector, "namespace-selector", "", "labels of the tenants' namespaces")
	flags.StringVar(&v.dryRun, "dry-run", "none", "none; client only lists; server asks the API server and changes nothing")
	flags.Lookup("dry-run").NoOptDefVal = "client"
	flags.BoolVarP(&v.yes, "yes", "y", false, "do not ask")
	v.complete(c, "dry-run", cobra.FixedCompletions([]string{"none", "client", "server"}, cobra.ShellCompDirectiveNoFileComp))
}

func (v *pauseVerb) run(ctx context.Context, tenants []string) error {
	format, err := v.format()
	if err != nil {
		return err
	}
	if err := v.check(tenants); err != nil {
		return err
	}
	var after *v1alpha1.Pause
	if !v.resume {
		if after, err = pausing.New(v.Clock.Now(), v.length, v.direction, v.reason); err != nil {
			return UsageError{err}
		}
	}
	connection, err := v.connect()
	if err != nil {
		return err
	}
	changes, err := v.changes(ctx, connection, tenants, after)
	if err != nil {
		return advised(err, connection.server)
	}
	if len(changes) == 0 {
		fmt.Fprintln(v.Err, "nothing to change: every tenant that is meant is so already")
		return nil
	}
	if v.dryRun != "client" {
		if err := v.confirm(changes); err != nil {
			return err
		}
		v.write(ctx, connection, changes)
	}
	if err := v.tell(changes, format); err != nil {
		return err
	}
	return failed(changes)
}

func (v *pauseVerb) tell(changes []pausing.Change, format show.Format) error {
	if v.dryRun != "none" {
		defer fmt.Fprintf(v.Err, "nothing was changed (--dry-run=%s)\n", v.dryRun)
	}
	if format != show.FormatTable {
		return show.Document(v.Out, format, map[string]any{"changes": changes})
	}
	return pausing.Table(changes, v.Clock.Now()).Write(v.Out, format, v.colour())
}

// check refuses what leaves open which tenants are meant: a verb that writes does not guess from the context.
func (v *pauseVerb) check(tenants []string) error {
	if v.namespace != "" && !slices.Contains(tenants, v.namespace) {
		if len(tenants) > 0 {
			return usagef("TENANT %s and -n %s are two tenants: leave out -n, and write all of them as TENANT", tenants[0], v.namespace)
		}
		tenants = []string{v.namespace}
	}
	switch {
	case len(tenants) == 0 && !v.all && v.selector == "" && v.namespaceSelector == "":
		return usagef("which tenants? write their names, -l SELECTOR, --namespace-selector SELECTOR, or -A for all")
	case len(tenants) > 0 && v.all:
		return usagef("-A means all tenants and %s one: leave out one of the two", tenants[0])
	}
	for _, s := range []string{v.selector, v.namespaceSelector} {
		if _, err := labels.Parse(s); err != nil {
			return usagef("%q is no selector of labels: write one such as tier=gold: %w", s, err)
		}
	}
	if !slices.Contains([]string{"none", "client", "server"}, v.dryRun) {
		return usagef("--dry-run=%s is not known: write none, client or server", v.dryRun)
	}
	return nil
}

// changes finds what is to be changed.
func (v *pauseVerb) changes(ctx context.Context, c *connection, tenants []string, after *v1alpha1.Pause) ([]pausing.Change, error) {
	if v.namespace != "" && len(tenants) == 0 {
		tenants = []string{v.namespace}
	}
	var among map[string]bool
	if v.namespaceSelector != "" {
		var err error
		if among, err = c.namespaces(ctx, v.namespaceSelector); err != nil {
			return nil, err
		}
	}
	namespaces := slices.Compact(slices.Sorted(slices.Values(tenants)))
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	var out []pausing.Change
	for _, namespace := range namespaces {
		found := false
		err := c.scalers(ctx, namespace, v.selector, func(s *v1alpha1.ClusterScaler) error {
			found = true
			if change, differs := pausing.Of(s, after); differs && (among == nil || among[s.Namespace]) {
				out = append(out, change)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if !found && namespace != "" {
			return nil, usagef("namespace %s has no such ClusterScaler: kubectl get clusterscalers -A lists them", namespace)
		}
	}
	return out, nil
}

// namespaces gives the names of those with such labels.
func (c *connection) namespaces(ctx context.Context, selector string) (map[string]bool, error) {
	out := map[string]bool{}
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for {
		page, err := c.clients.CoreV1().Namespaces().List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("listing namespaces: %w", err)
		}
		for _, n := range page.Items {
			out[n.Name] = true
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return out, nil
		}
	}
}

// confirm asks before several tenants are changed.
func (v *pauseVerb) confirm(changes []pausing.Change) error {
	if len(changes) == 1 || v.yes || v.dryRun != "none" {
		return nil
	}
	if err := pausing.Table(changes, v.Clock.Now()).Write(v.Err, show.FormatTable, false); err != nil {
		return err
	}
	verb := "Pause"
	if v.resume {
		verb = "Resume"
	}
	fmt.Fprintf(v.Err, "\n%s %s? [y/N] ", verb, show.Count(len(changes), "tenant", "tenants"))
	said := ""
	if v.In != nil {
		said, _ = bufio.NewReader(v.In).ReadString('\n') // the end of the input is a no
	}
	switch strings.ToLower(strings.TrimSpace(said)) {
	case "y", "yes":
		return nil
	default:
		return usagef("nothing was changed: answer y, or write --yes")
	}
}

// write changes one after the other what was confirmed, some at a time, and notes in each what went wrong.
func (v *pauseVerb) write(ctx context.Context, c *connection, changes []pausing.Change) {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range changes {
		group.Go(func() error {
			if err := v.writeOne(ctx, c, changes[i]); err != nil {
				changes[i].Error = advised(err, c.server).Error()
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in the changes
}

// writeOne sets the pause unless somebody else has changed it since it was listed. Other changes of the object do not matter.
func (v *pauseVerb) writeOne(ctx context.Context, c *connection, change pausing.Change) error {
	options := []client.PatchOption{client.FieldOwner(fieldOwner)}
	if v.dryRun == "server" {
		options = append(options, client.DryRunAll)
	}
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		s := &v1alpha1.ClusterScaler{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: change.Tenant, Name: change.Scaler}, s); err != nil {
			return err
		}
		if !pausing.Equal(s.Spec.Pause, change.Before) {
			return fmt.Errorf("somebody else has set another pause meanwhile (%s): look, and try again", pausing.Say(s.Spec.Pause, v.Clock.Now()))
		}
		patch, err := pausing.Patch(change.After, s.ResourceVersion)
		if err != nil {
			return err
		}
		return c.Patch(ctx, s, client.RawPatch(types.MergePatchType, patch), options...)
	})
}

func failed(changes []pausing.Change) error {
	count, first := 0, ""
	for _, c := range changes {
		if c.Error != "" {
			count++
			first = firstOf(first, c.Tenant+": "+c.Error)
		}
	}
	if count == 0 {
		return nil
	}
	return fmt.Errorf("%d of %s could not be changed: %s", count, show.Count(len(changes), "tenant", "tenants"), first)
}
