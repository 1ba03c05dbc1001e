package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metapilot/metapilot/test/sandbox"
)

// app is what all verbs share: which sandbox is meant.
type app struct {
	name string
	dir  string
}

func newRoot() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:   "sandbox",
		Short: "A MetaCluster in a box: real control plane, simulated nodes, tenants, misfortunes",
		Long: `sandbox runs a real etcd, kube-apiserver, kube-controller-manager and kube-scheduler with simulated nodes and
metrics-server on this machine, fills it with tenants, and makes them suffer on request.`,
		Example: `  sandbox up --detach
  export KUBECONFIG=$(sandbox kubeconfig)
  sandbox tenant add 20 --wait
  sandbox load tenant-0003/kube-apiserver --memory 700Mi
  sandbox oom tenant-0005/etcd-1
  sandbox down`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&a.name, "name", "default", "which sandbox; several may run at once")
	root.PersistentFlags().StringVar(&a.dir, "dir", "", "its state folder (default: by name, in the user's cache folder)")
	root.AddCommand(
		newUp(a), newDown(a), newStatus(a), newKubeconfig(a), newTenant(a), newLoad(a), newSignals(a), newStorm(a), newOOM(a), newResizeMode(a), newBuild(), newLogs(a),
	)
	return root
}

// stateDir is the state folder of the sandbox that is meant.
func (a *app) stateDir() (string, error) {
	if a.dir != "" {
		return filepath.Abs(a.dir)
	}
	if a.name == "" || strings.ContainsAny(a.name, `/\`) || strings.HasPrefix(a.name, ".") {
		return "", fmt.Errorf("--name %q is not a name: use letters, digits and dashes", a.name)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's cache folder (set XDG_CACHE_HOME, or give --dir): %w", err)
	}
	return filepath.Join(cache, "metapilot", "sandboxes", a.name), nil
}

// attach returns the running sandbox that is meant; the error says how to start it.
func (a *app) attach() (*sandbox.Sandbox, error) {
	dir, err := a.stateDir()
	if err != nil {
		return nil, err
	}
	s, err := sandbox.Attach(dir, os.Stderr)
	if errors.Is(err, sandbox.ErrNotRunning) {
		return nil, fmt.Errorf("%w; start it with `%s up%s --detach`", err, calledAs(), a.flags())
	}
	return s, err
}

// calledAs is the command as the user wrote it, so that what is suggested can be copied.
func calledAs() string {
	return commandOf(os.Args[0])
}

// commandOf knows a program of `go run` by its folder: a go-build123 among the temporary ones, or the build cache, go-build.
func commandOf(program string) string {
	for element := range strings.SplitSeq(filepath.ToSlash(filepath.Dir(program)), "/") {
		if strings.HasPrefix(element, "go-build") {
			return "go run ./cmd/sandbox"
		}
	}
	return program
}

// arguments wants exactly n arguments; the error says which.
func arguments(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		usage := strings.TrimPrefix(strings.TrimSuffix(cmd.UseLine(), " [flags]"), cmd.Root().Name())
		return fmt.Errorf("arguments: %d wanted, %d given; write `%s%s` (--help has examples)", n, len(args), calledAs(), usage)
	}
}

// flags repeats the flags that say which sandbox is meant, for commands to copy.
func (a *app) flags() string {
	switch {
	case a.dir != "":
		return " --dir " + a.dir
	case a.name != "default":
		return " --name " + a.name
	}
	return ""
}

// splitTarget splits NAMESPACE/NAME.
func splitTarget(text string) (namespace, name string, err error) {
	namespace, name, ok := strings.Cut(text, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return "", "", fmt.Errorf("%q is not NAMESPACE/NAME, such as tenant-0003/kube-apiserver", text)
	}
	return namespace, name, nil
}
