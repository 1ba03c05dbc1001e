package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("apiVersion: config.metapilot.dev/v1alpha1\nkind: Configuration\na: 1\nb: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(dir, "good.yaml")
	if err := os.WriteFile(good, []byte("apiVersion: config.metapilot.dev/v1alpha1\nkind: Configuration\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		as       string
		args     []string
		wantCode int
		wantOut  string
		wantErr  string
	}{
		"no arguments show help":            {wantOut: "metapilot manager --config metapilot.yaml"},
		"version":                           {args: []string{"version"}, wantOut: "metapilot devel"},
		"completion":                        {args: []string{"completion", "bash"}, wantOut: "bash completion"},
		"help of the manager has examples":  {args: []string{"manager", "--help"}, wantOut: "metapilot manager --config /etc/metapilot/metapilot.yaml"},
		"unknown verb":                      {args: []string{"fly"}, wantCode: 2, wantErr: `metapilot: unknown command "fly" for "metapilot" (see metapilot --help)`},
		"unknown flag":                      {args: []string{"manager", "--fast"}, wantCode: 2, wantErr: "metapilot: unknown flag: --fast (see metapilot manager --help)"},
		"a pause of nobody":                 {args: []string{"pause", "--for", "2h"}, wantCode: 2, wantErr: "metapilot: which tenants? write their names"},
		"a resume of nobody":                {args: []string{"resume"}, wantCode: 2, wantErr: "metapilot: which tenants? write their names"},
		"a wrong format":                    {args: []string{"history", "-o", "xml"}, wantCode: 2, wantErr: "metapilot: -o xml is not known here"},
		"superfluous argument":              {args: []string{"version", "x"}, wantCode: 2, wantErr: "metapilot: "},
		"no configuration":                  {args: []string{"manager"}, wantCode: 2, wantErr: "metapilot: no configuration: write --config FILE"},
		"no such file":                      {args: []string{"manager", "--config", filepath.Join(dir, "no")}, wantCode: 2, wantErr: "no such file"},
		"a bad file's errors are one line":  {args: []string{"manager", "--config", bad}, wantCode: 2, wantErr: "line 3: a: no such field"},
		"an unknown controller":             {args: []string{"manager", "--config", good, "--controllers", "profile-*,fly"}, wantCode: 2, wantErr: `--controllers: no controller is called "fly": write one of clusterscaler, records, profile-workloads, profile-recommender`},
		"no way to the MetaCluster":         {args: []string{"manager", "--config", good, "--kubeconfig", filepath.Join(dir, "no")}, wantCode: 2, wantErr: "finding the MetaCluster (write --kubeconfig FILE)"},
		"kubectl's plug-in is called so":    {as: "/usr/bin/kubectl-metapilot", args: []string{"fly"}, wantCode: 2, wantErr: `kubectl metapilot: unknown command "fly" for "kubectl metapilot"`},
		"kubectl's plug-in shows its usage": {as: "kubectl-metapilot", args: []string{"manager", "--help"}, wantOut: "kubectl metapilot manager --config FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			p := program{name: tc.as, out: &out, errs: &errs, controllers: controllers()}
			if code := p.run(t.Context(), tc.args); code != tc.wantCode {
				t.Errorf("exit code %d, want %d", code, tc.wantCode)
			}
			if !strings.Contains(out.String(), tc.wantOut) {
				t.Errorf("output %q does not say %q", out.String(), tc.wantOut)
			}
			if !strings.Contains(errs.String(), tc.wantErr) {
				t.Errorf("error %q does not say %q", errs.String(), tc.wantErr)
			}
			if lines := strings.Count(errs.String(), "\n"); tc.wantCode != 0 && lines != 1 {
				t.Errorf("the error has %d lines, want 1: %s", lines, errs.String())
			}
		})
	}
}
