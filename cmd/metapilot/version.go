package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  metapilot version",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			info := buildInfo()
			_, err := fmt.Fprintf(c.OutOrStdout(), "metapilot %s, %s\n", versionOf(info), info.GoVersion)
			return err
		},
	}
}

// buildInfo gives what the Go toolchain noted in the binary.
func buildInfo() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return &debug.BuildInfo{}
}

// versionOf gives the module's version, and the commit where the toolchain noted one.
func versionOf(info *debug.BuildInfo) string {
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += "+" + s.Value[:min(len(s.Value), 12)]
		}
	}
	return version
}
