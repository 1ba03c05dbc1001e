package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/metapilot/metapilot/test/sandbox/components"
)

const (
	jsonFile     = "reaction.json"
	markdownFile = "reaction.md"
)

// Result is a whole run.
type Result struct {
	Began           time.Time         `json:"began"` // the first kill
	Ended           time.Time         `json:"ended"` // the last answer, or the end of the patience
	Machine         Machine           `json:"machine"`
	Versions        map[string]string `json:"versions"`
	Component       string            `json:"component"`
	Replicas        int               `json:"replicas"`
	TenantsPerSetup int               `json:"tenantsPerSetup"`
	OOMsPerSetup    int               `json:"oomsPerSetup"`
	SpreadSeconds   float64           `json:"spreadSeconds"`
	TimeoutSeconds  float64           `json:"timeoutSeconds"`
	Setups          []SetupResult     `json:"setups"`
	Requests        []RequestRow      `json:"requests"`
}

// SetupResult is what came of one scaler's kills.
type SetupResult struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Explain string   `json:"explain"`
	Flags   []string `json:"flags,omitempty"` // those that are not at their defaults
	First   Summary  `json:"first"`           // from the kill to a larger limit of the first pod
	All     Summary  `json:"all"`             // to that of all replicas
	Evicted int      `json:"evicted"`
	// Restarts are those of containers that stayed in their pods, without the kills' own.
	Restarts          int     `json:"restarts"`
	TouchedBystanders int     `json:"touchedBystanders"` // pods that had no kill and were resized or replaced
	Kills             []*Kill `json:"kills"`
}

// Summary is a set of latencies. The figures are of those that came in time; the median counts the others as later than any.
type Summary struct {
	Kills         int      `json:"kills"`
	Answered      int      `json:"answered"`
	MinSeconds    *float64 `json:"minSeconds"`
	MedianSeconds *float64 `json:"medianSeconds"` // nil when half were not answered in time
	MaxSeconds    *float64 `json:"maxSeconds"`    // nil when one was not
	// TimesReference is the median in medians of the first setup; when there is none, the timeout's, and a lower bound.
	TimesReference *float64 `json:"timesReference"`
	LowerBound     bool     `json:"lowerBound,omitempty"`
}

// RequestRow is how often one scaler asked the API server in the run.
type RequestRow struct {
	Who                      string  `json:"who"`
	Tenants                  int     `json:"tenants"`
	Requests                         // in all
	ReadsPerTenantAndMinute  float64 `json:"readsPerTenantAndMinute"`
	WritesPerTenantAndMinute float64 `json:"writesPerTenantAndMinute"`
}

// summarise summarises latencies; nil is not in time.
func summarise(latencies []*float64) Summary {
	s := Summary{Kills: len(latencies)}
	var in []float64
	for _, l := range latencies {
		if l != nil {
			in = append(in, *l)
		}
	}
	slices.Sort(in)
	s.Answered = len(in)
	if len(in) == 0 {
		return s
	}
	s.MinSeconds = &in[0]
	if len(in) == len(latencies) {
		s.MaxSeconds = &in[len(in)-1]
	}
	// The two middle ones of all, which are the same one when their number is odd.
	low, high := (len(latencies)-1)/2, len(latencies)/2
	if high < len(in) {
		s.MedianSeconds = new((in[low] + in[high]) / 2)
	}
	return s
}

// compare sets how many times the reference's median a median is.
func (s *Summary) compare(reference Summary, timeoutSeconds float64) {
	if reference.MedianSeconds == nil || *reference.MedianSeconds <= 0 {
		return
	}
	median := s.MedianSeconds
	if median == nil {
		median, s.LowerBound = &timeoutSeconds, true
	}
	s.TimesReference = new(*median / *reference.MedianSeconds)
}

// summariseAll makes the rows of the report, in the order of the setups.
func summariseAll(kills map[string][]*Kill, touched map[string]int, timeoutSeconds float64) []SetupResult {
	var out []SetupResult
	for _, s := range setups() {
		r := SetupResult{Name: s.name, Title: s.title, Explain: s.explain, Flags: flagsOf(s), TouchedBystanders: touched[s.name], Kills: kills[s.name]}
		var first, all []*float64
		for _, k := range r.Kills {
			first, all = append(first, k.FirstSeconds), append(all, k.AllSeconds)
			r.Evicted += k.Evicted
			r.Restarts += k.Restarts
		}
		r.First, r.All = summarise(first), summarise(all)
		out = append(out, r)
	}
	reference := out[0]
	for i := range out {
		out[i].First.compare(reference.First, timeoutSeconds)
		out[i].All.compare(reference.All, timeoutSeconds)
	}
	return out
}

// flagsOf are the flags of a setup's programs that are not at their defaults.
func flagsOf(s setup) []string {
	if s.vpa == nil {
		return nil
	}
	var flags []string
	for _, i := range vpaInstances() {
		if i.name != s.vpa.instance {
			continue
		}
		for program, own := range map[string][]string{"recommender": i.recommender, "updater": i.updater} {
			for _, f := range own {
				flags = append(flags, program+" "+f)
			}
		}
	}
	slices.Sort(flags)
	return flags
}

// requestRows makes rows of the counts by user.
func requestRows(counts map[string]Requests, tenantsPerSetup int, took time.Duration) []RequestRow {
	var rows []RequestRow
	for _, a := range askers() {
		r := RequestRow{Who: a.title, Tenants: a.setups * tenantsPerSetup, Requests: counts[a.user]}
		per := float64(r.Tenants) * took.Minutes()
		r.ReadsPerTenantAndMinute, r.WritesPerTenantAndMinute = float64(r.Reads)/per, float64(r.Writes)/per
		rows = append(rows, r)
	}
	return rows
}

func (w *world) versions() map[string]string {
	return map[string]string{
		"metapilot":  w.revision,
		"vpa":        components.Version(components.VPARecommender),
		"kubernetes": components.Version(components.APIServer),
		"kwok":       components.Version(components.Kwok),
	}
}

// write writes the result as JSON and as Markdown.
func (r *Result) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder for the result: %w", err)
	}
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	for name, content := range map[string]string{jsonFile: string(content) + "\n", markdownFile: r.markdown()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("writing the result: %w", err)
		}
	}
	return nil
}

// judge gives an error when the run measured nothing worth a comparison: a scaler that answered no kill at all.
func (r *Result) judge() error {
	var silent []string
	for _, s := range r.Setups {
		if s.First.Answered == 0 {
			silent = append(silent, s.Title)
		}
	}
	if len(silent) == 0 {
		return nil
	}
	err := fmt.Errorf("no kill was answered within %g s by: %s", r.TimeoutSeconds, strings.Join(silent, ", "))
	if slices.Contains(silent, r.Setups[0].Title) {
		return errors.Join(err, errors.New("there is nothing to compare with"))
	}
	return err
}
