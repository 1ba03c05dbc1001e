package explain_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/explain"
	"github.com/metapilot/metapilot/cli/internal/golden"
	"github.com/metapilot/metapilot/cli/show"
)

var now = time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)

// facts are those of a file: a scaler, and what else is known.
func facts(t *testing.T, file string) explain.Facts {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		Scaler  *v1alpha1.ClusterScaler   `json:"scaler"`
		Record  *v1alpha1.ScalingRecord   `json:"record"`
		Profile *v1alpha1.WorkloadProfile `json:"profile"`
	}
	if err := yaml.UnmarshalStrict(data, &known); err != nil {
		t.Fatal(err)
	}
	return explain.Facts{Scaler: known.Scaler, Component: &known.Scaler.Spec.Components[0], Record: known.Record, Profile: known.Profile, Now: now}
}

func TestExplain(t *testing.T) {
	for _, name := range []string{"up", "down", "held", "blind", "new"} {
		t.Run(name, func(t *testing.T) {
			chains := []explain.Chain{explain.Decision(facts(t, name+".yaml"))}
			var text, markdown, document bytes.Buffer
			if err := explain.Text(&text, chains, false); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, name+".txt", text.Bytes())
			if err := explain.Markdown(&markdown, chains); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, name+".md", markdown.Bytes())
			if err := show.Document(&document, show.FormatJSON, chains); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, name+".json", document.Bytes())
		})
	}
}

func TestOnlyWhatStandsOutIsColoured(t *testing.T) {
	var out bytes.Buffer
	if err := explain.Text(&out, []explain.Chain{explain.Decision(facts(t, "held.yaml"))}, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\x1b[31m✗\x1b[0m leaking", "\x1b[33mHeld\x1b[0m LeakSuspected"} {
		if !bytes.Contains(out.Bytes(), []byte(want)) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

// TestARecordOfSomethingElseComesAfterTheStatus keeps an old record from being taken for what holds now.
func TestARecordOfSomethingElseComesAfterTheStatus(t *testing.T) {
	f := facts(t, "up.yaml")
	f.Scaler.Status.Components[0].OpenRecord = ""
	f.Scaler.Status.Components[0].Verdict, f.Scaler.Status.Components[0].Reason = "Steady", "WithinBounds"
	chain := explain.Decision(f)
	if chain.Record != "" || chain.Verdict != "Steady" {
		t.Errorf("the chain is of record %q, verdict %s; want the status's, Steady", chain.Record, chain.Verdict)
	}
	if chain.LastChange == nil || chain.LastChange.Record != f.Record.Name {
		t.Errorf("the last change is %v, want record %s", chain.LastChange, f.Record.Name)
	}
}
