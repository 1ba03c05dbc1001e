// Command metapilot keeps the control planes of a MetaCluster's tenants the right size.
//
// It is one binary: `metapilot manager` runs in the MetaCluster; the other verbs are for people. Installed as
// kubectl-metapilot it is a plug-in of kubectl: `kubectl metapilot …`.
package main

import (
	"os"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	p := program{name: os.Args[0], in: os.Stdin, out: os.Stdout, errs: os.Stderr, clock: clock.RealClock{}, controllers: controllers()}
	os.Exit(p.run(ctrl.SetupSignalHandler(), os.Args[1:]))
}
