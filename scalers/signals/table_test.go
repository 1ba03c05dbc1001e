package signals

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
)

// The configuration names every signal and no other.
func TestTheConfigurationKnowsEverySignal(t *testing.T) {
	c := configv1alpha1.Default()
	for _, name := range Names() {
		c.Signals.Queries = append(c.Signals.Queries, configv1alpha1.SignalQuery{Signal: string(name), Query: "up"})
	}
	if errs := configv1alpha1.Validate(c); len(errs) > 0 {
		t.Error(errs.ToAggregate())
	}
	c.Signals.Queries = []configv1alpha1.SignalQuery{{Signal: "Mood", Query: "up"}}
	_, listed, _ := strings.Cut(configv1alpha1.Validate(c).ToAggregate().Error(), "write ")
	var names []string
	for _, name := range Names() {
		names = append(names, string(name))
	}
	if want := strings.Join(names, " or "); listed != want {
		t.Errorf("the configuration knows %s, the table %s", listed, want)
	}
}

// docs/signals.md has a section for every signal, with its unit, its freshness and its query as the table has it.
func TestThePageHasEverySignal(t *testing.T) {
	text, err := os.ReadFile("../../docs/signals.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		sections[name] = body
	}
	for _, s := range Table() {
		body, ok := sections[string(s.Name)]
		if !ok {
			t.Errorf("the page has no section ### %s", s.Name)
			continue
		}
		for _, want := range []string{
			"```promql\n" + s.Query + "\n```", "`" + string(s.Unit) + "`", "stale after " + strings.TrimSuffix(s.Fresh.String(), "0s"),
			"of each " + strings.ToLower(string(s.Scope)), map[Across]string{Sum: "the sum of its pods", Max: "the highest of its pods"}[s.Across],
		} {
			if !strings.Contains(body, want) {
				t.Errorf("the section of %s does not say %s", s.Name, want)
			}
		}
		delete(sections, string(s.Name))
	}
	for name := range sections {
		if !strings.Contains(name, " ") {
			t.Errorf("the page has a section of %s, which is no signal", name)
		}
	}
}

func TestQueriesAreExpanded(t *testing.T) {
	for _, s := range Table() {
		q := expand(s.Query, `cluster="eu"`, 90*time.Second)
		if strings.Contains(q, "$") {
			t.Errorf("%s: something is not filled in: %s", s.Name, q)
		}
		// Every selector is narrowed.
		if braces, narrowed := strings.Count(q, "{"), strings.Count(q, `cluster="eu"}`); braces != narrowed || braces == 0 {
			t.Errorf("%s: %d of %d selectors are narrowed: %s", s.Name, narrowed, braces, q)
		}
		if !isTimed(s.Query) {
			t.Errorf("%s does not tell when it was measured", s.Name)
		}
		if open, closed := strings.Count(q, "("), strings.Count(q, ")"); open != closed {
			t.Errorf("%s: %d brackets are opened and %d closed", s.Name, open, closed)
		}
		if regexp.MustCompile(`[a-z_]+_total\{[^}]*\}`).MatchString(q) && !strings.Contains(q, "[90s]") {
			t.Errorf("%s: a counter is read without its rate: %s", s.Name, q)
		}
	}
}
