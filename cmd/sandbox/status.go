package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/metapilot/metapilot/test/sandbox"
)

// status is a sandbox's state with what is in it.
type status struct {
	sandbox.State
	Uptime  string `json:"uptime"`
	Ready   int    `json:"nodesReady"`
	Tenants int    `json:"tenants"`
	Pods    int    `json:"pods"`
}

func newStatus(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show a sandbox's processes, ports, nodes and tenants",
		Example: "  sandbox status\n  sandbox status -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "" && output != "json" {
				return fmt.Errorf("--output %q: there is only json", output)
			}
			s, err := a.attach()
			if err != nil {
				return err
			}
			st, err := gatherStatus(cmd, s)
			if err != nil {
				return err
			}
			if output == "json" {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(st)
			}
			return st.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "json")
	return cmd
}

func gatherStatus(cmd *cobra.Command, s *sandbox.Sandbox) (status, error) {
	state, err := s.State()
	if err != nil {
		return status{}, err
	}
	st := status{State: state, Uptime: time.Since(state.StartedAt).Round(time.Second).String()}
	client, err := kubernetes.NewForConfig(s.RESTConfig())
	if err != nil {
		return status{}, fmt.Errorf("making a client: %w", err)
	}
	ctx := cmd.Context()
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return status{}, fmt.Errorf("listing nodes: %w", err)
	}
	for _, node := range nodes.Items {
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
				st.Ready++
			}
		}
	}
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return status{}, err
	}
	st.Tenants = len(tenants)
	for _, t := range tenants {
		st.Pods += t.Pods
	}
	return st, nil
}

func (st status) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "COMPONENT\tVERSION\tPID\tPORT\tSTATE\tLOG\n") // the writer keeps its error for Flush
	for _, c := range st.Components {
		state := "running"
		if !c.Process.Alive() {
			state = "dead"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\t%s\n", c.Name, c.Version, c.Process.PID, c.Port, state, c.Log)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	prometheus := ""
	if st.Prometheus != "" {
		prometheus = "prometheus: " + st.Prometheus + "\n"
	}
	for _, t := range st.State.Tenants {
		prometheus += fmt.Sprintf("real tenant %s: %s\n", t.Name, t.Kubeconfig)
	}
	_, err := fmt.Fprintf(w, "\nup %s, held by process %d\nnodes: %d of %d ready; tenants: %d with %d pods\nkubeconfig: %s\n%s",
		st.Uptime, st.Supervisor.PID, st.Ready, st.Nodes, st.Tenants, st.Pods, st.Kubeconfig, prometheus)
	return err
}
