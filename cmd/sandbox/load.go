package main

import (
	"cmp"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/load"
)

// loadFlags are a load as the user writes it.
type loadFlags struct {
	cpu, memory         string
	fromCPU, fromMemory string
	ramp                time.Duration
	daily               bool
	trace               string
	compression         float64
	pod, container      string
	clear, list         bool
}

func newLoad(a *app) *cobra.Command {
	f := &loadFlags{}
	cmd := &cobra.Command{
		Use:   "load [NAMESPACE/WORKLOAD]",
		Short: "Make a workload use CPU and memory: constant, a ramp, a daily wave, or a trace",
		Long: `Makes the pods of a Deployment or StatefulSet, also those to come, use that much. The metrics API shows it after a scrape
or two (10 s each). A container above its memory limit is OOM-killed until it may use that much.

The namespace all means every tenant. A trace is a CSV file, plain or gzip, with the header
timestamp_seconds,cpu_cores,memory_bytes; it is repeated without end.`,
		Example: `  sandbox load tenant-0003/kube-apiserver --cpu 300m --memory 400Mi
  sandbox load tenant-0003/kube-apiserver --from-memory 200Mi --memory 900Mi --ramp 10m
  sandbox load tenant-0003/etcd --pod etcd-1 --memory 500Mi           # a hot replica
  sandbox load all/kube-apiserver --daily --from-cpu 50m --cpu 400m --memory 400Mi --compress 60
  sandbox load tenant-0003/kube-apiserver --trace day.csv.gz --compress 120
  sandbox load tenant-0003/kube-apiserver --clear
  sandbox load --list`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.attach()
			if err != nil {
				return err
			}
			if f.list {
				return listLoads(cmd, s)
			}
			if len(args) == 0 {
				return fmt.Errorf("say whom the load is for, such as tenant-0003/kube-apiserver, or --list")
			}
			return f.apply(cmd, s, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.cpu, "cpu", "10m", "CPU it uses (at the ramp's end, at noon)")
	flags.StringVar(&f.memory, "memory", "32Mi", "memory it uses (at the ramp's end, at noon)")
	flags.StringVar(&f.fromCPU, "from-cpu", "", "CPU at the ramp's start, at midnight (default: as --cpu)")
	flags.StringVar(&f.fromMemory, "from-memory", "", "memory at the ramp's start, at midnight (default: as --memory)")
	flags.DurationVar(&f.ramp, "ramp", 0, "go from the start to the end within this time")
	flags.BoolVar(&f.daily, "daily", false, "a wave with the period of a day, from midnight on")
	flags.StringVar(&f.trace, "trace", "", "a CSV file to play")
	flags.Float64Var(&f.compression, "compress", 1, "seconds of the load per second of the clock")
	flags.StringVar(&f.pod, "pod", "", "only this pod of the workload")
	flags.StringVar(&f.container, "container", "", "this container (default: the pod's first)")
	flags.BoolVar(&f.clear, "clear", false, "take the load away")
	flags.BoolVar(&f.list, "list", false, "list the loads")
	cmd.MarkFlagsMutuallyExclusive("ramp", "daily", "trace", "clear", "list")
	return cmd
}

func (f *loadFlags) apply(cmd *cobra.Command, s *sandbox.Sandbox, text string) error {
	namespace, workload, err := splitTarget(text)
	if err != nil {
		return err
	}
	target := kubelet.Target{Namespace: namespace, Workload: workload, Pod: f.pod, Container: f.container}
	if namespace == "all" {
		target.Namespace = ""
	} else if !f.clear {
		if _, err := s.PodsOf(cmd.Context(), namespace, workload); err != nil {
			return err
		}
	}
	if f.clear {
		return clearLoad(cmd, s, target, text)
	}
	l, err := f.load()
	if err != nil {
		return err
	}
	if err := s.SetLoad(cmd.Context(), target, l); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s has the load: %s\n", text, describe(l))
	return err
}

// clearLoad takes a load away. That there is none is an error, since the target is mostly mistyped then: a load is named
// by all of workload, pod and container.
func clearLoad(cmd *cobra.Command, s *sandbox.Sandbox, target kubelet.Target, text string) error {
	entries, err := s.Loads(cmd.Context())
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(entries, func(e kubelet.Entry) bool { return e.Target == target }) {
		return fmt.Errorf("%s has no load of its own; `%s load --list` shows those there are: repeat --pod and --container as they were set", text, calledAs())
	}
	if err := s.ClearLoad(cmd.Context(), target); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "the load of %s is taken away\n", text)
	return err
}

func (f *loadFlags) load() (load.Load, error) {
	to, err := usageOf(f.cpu, f.memory)
	if err != nil {
		return load.Load{}, err
	}
	from := to
	for _, other := range []struct {
		text string
		set  func(load.Usage)
		cpu  bool
	}{
		{f.fromCPU, func(u load.Usage) { from.MilliCPU = u.MilliCPU }, true},
		{f.fromMemory, func(u load.Usage) { from.MemoryBytes = u.MemoryBytes }, false},
	} {
		if other.text == "" {
			continue
		}
		u, err := usageOf(other.text, other.text)
		if err != nil {
			return load.Load{}, err
		}
		other.set(u)
	}
	l := load.Load{Shape: load.Constant, From: from, To: to, Compression: f.compression}
	switch {
	case f.ramp > 0:
		l.Shape, l.Seconds = load.Ramp, int64(f.ramp.Seconds())
	case f.daily:
		l.Shape = load.Daily
	case f.trace != "":
		l.Shape, l.TraceFile = load.Trace, f.trace
	}
	return l, nil
}

func usageOf(cpu, memory string) (load.Usage, error) {
	c, err := resource.ParseQuantity(cpu)
	if err != nil {
		return load.Usage{}, fmt.Errorf("%q is no amount of CPU, such as 250m: %w", cpu, err)
	}
	m, err := resource.ParseQuantity(memory)
	if err != nil {
		return load.Usage{}, fmt.Errorf("%q is no amount of memory, such as 400Mi: %w", memory, err)
	}
	return load.Usage{MilliCPU: c.MilliValue(), MemoryBytes: m.Value()}, nil
}

func listLoads(cmd *cobra.Command, s *sandbox.Sandbox) error {
	entries, err := s.Loads(cmd.Context())
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAMESPACE\tWORKLOAD\tPOD\tCONTAINER\tSINCE\tLOAD") // the writer keeps its error for Flush
	for _, e := range entries {
		t := e.Target
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", cmp.Or(t.Namespace, "all"), t.Workload, cmp.Or(t.Pod, "all"), cmp.Or(t.Container, "first"),
			time.Since(e.Load.StartedAt).Round(time.Second), describe(e.Load))
	}
	return table.Flush()
}

// describe is a load in words.
func describe(l load.Load) string {
	usage := func(u load.Usage) string {
		return fmt.Sprintf("cpu %s, memory %s", resource.NewMilliQuantity(u.MilliCPU, resource.DecimalSI), resource.NewQuantity(u.MemoryBytes, resource.BinarySI))
	}
	text := "constant, " + usage(l.To)
	switch l.Shape {
	case load.Ramp:
		text = fmt.Sprintf("ramp from %s to %s in %s", usage(l.From), usage(l.To), time.Duration(l.Seconds)*time.Second)
	case load.Daily:
		text = fmt.Sprintf("daily between %s and %s", usage(l.From), usage(l.To))
	case load.Trace:
		text = "trace " + l.TraceFile
	}
	if l.Compression != 0 && l.Compression != 1 {
		text += fmt.Sprintf(", %g times as fast", l.Compression)
	}
	return text
}
