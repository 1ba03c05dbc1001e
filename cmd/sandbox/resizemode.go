package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/metapilot/metapilot/test/sandbox"
)

func newResizeMode(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "resize-mode NAMESPACE/POD-OR-WORKLOAD deferred|infeasible|normal",
		Short: "Make the nodes defer or refuse the resizes of a pod, or of a workload's present pods",
		Long: `deferred: resizes pend until the mode is normal again, as on a node without room.
infeasible: resizes pend until the pod's spec changes again, as on a node that will never have room.`,
		Example: "  sandbox resize-mode tenant-0003/kube-apiserver deferred\n  sandbox resize-mode tenant-0003/etcd-1 normal",
		Args:    arguments(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			modes := map[string]sandbox.ResizeMode{
				"normal": sandbox.ResizeNormal, "deferred": sandbox.ResizeDeferred, "infeasible": sandbox.ResizeInfeasible,
			}
			mode, ok := modes[args[1]]
			if !ok {
				return fmt.Errorf("there is no mode %q; there are deferred, infeasible, normal", args[1])
			}
			s, err := a.attach()
			if err != nil {
				return err
			}
			pods, err := podsOf(cmd, s, args[0], true)
			if err != nil {
				return err
			}
			for _, pod := range pods {
				if err := s.SetResizeMode(cmd.Context(), pod.Namespace, pod.Name, mode); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "resizes of %s/%s are now %s\n", pod.Namespace, pod.Name, args[1]); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
