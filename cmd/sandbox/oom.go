package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
)

func newOOM(a *app) *cobra.Command {
	o := sandbox.OOMOptions{}
	var coalesce string
	var all bool
	cmd := &cobra.Command{
		Use:   "oom NAMESPACE/POD-OR-WORKLOAD",
		Short: "Kill a container as the kernel does when its memory is used up",
		Long: `Reports a container as OOM-killed, as the kubelet would: terminated, then running again, or in CrashLoopBackOff when it
repeats within ten minutes. Of a workload the first pod is taken, or every pod with --all.`,
		Example: `  sandbox oom tenant-0003/kube-apiserver
  sandbox oom tenant-0003/etcd-1 --container backup
  sandbox oom tenant-0003/kube-apiserver --all
  sandbox oom tenant-0003/kube-apiserver --coalesce restarted --missed 3
  sandbox oom tenant-0003/kube-apiserver --exit-code 143            # the false positive of real kubelets`,
		Args: arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch strings.ToLower(coalesce) {
			case "":
			case "restarted":
				o.Coalesce = kubelet.ToRestarted
			case "back-off":
				o.Coalesce = kubelet.ToCrashLoop
			default:
				return fmt.Errorf("--coalesce %q: there are restarted and back-off", coalesce)
			}
			s, err := a.attach()
			if err != nil {
				return err
			}
			pods, err := podsOf(cmd, s, args[0], all)
			if err != nil {
				return err
			}
			for _, pod := range pods {
				r, err := s.OOM(cmd.Context(), pod.Namespace, pod.Name, o)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "killed %s of %s/%s: %s, accepted at %s\n",
					r.Container, r.Namespace, r.Pod, r.ContainerID, r.Accepted.UTC().Format("2006-01-02T15:04:05.000Z"))
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Container, "container", "", "container, sidecar or init container (default: the pod's first)")
	flags.StringVar(&o.Reason, "reason", "OOMKilled", "reason of the termination")
	flags.Int32Var(&o.ExitCode, "exit-code", 137, "exit code of the termination")
	flags.StringVar(&coalesce, "coalesce", "", "skip statuses: restarted, or back-off")
	flags.Int32Var(&o.Missed, "missed", 0, "further deaths that only show in the restart count")
	flags.BoolVar(&all, "all", false, "all pods of the workload")
	return cmd
}

// podsOf returns the pod that is named, or a pod (or all) of the workload that is named.
func podsOf(cmd *cobra.Command, s *sandbox.Sandbox, text string, all bool) ([]corev1.Pod, error) {
	namespace, name, err := splitTarget(text)
	if err != nil {
		return nil, err
	}
	pods, err := s.PodsOrPod(cmd.Context(), namespace, name)
	if err != nil {
		return nil, err
	}
	if !all {
		pods = pods[:1]
	}
	return pods, nil
}
