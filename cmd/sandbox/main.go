// Command sandbox runs the MetaCluster in a box (package test/sandbox) from the command line: up, tenants, loads, OOM kills,
// down. docs/sandbox.md is its guide.
//
// Each verb is a file; what it does is in package sandbox.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	cancel()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
