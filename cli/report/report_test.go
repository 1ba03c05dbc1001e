package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/internal/golden"
	"github.com/metapilot/metapilot/cli/report"
	"github.com/metapilot/metapilot/cli/show"
)

var now = time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)

// component is one of YAML: its spec, status, record and profile.
func component(t *testing.T, tenant, text string) report.Component {
	t.Helper()
	var known struct {
		Mode    v1alpha1.Mode             `json:"mode"`
		Spec    v1alpha1.Component        `json:"spec"`
		Status  *v1alpha1.ComponentStatus `json:"status"`
		Record  *v1alpha1.ScalingRecord   `json:"record"`
		Profile *struct {
			ConfidencePercent *int32 `json:"confidencePercent"`
			Fresh             bool   `json:"fresh"`
		} `json:"profile"`
	}
	if err := yaml.UnmarshalStrict([]byte(text), &known); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	c := report.Component{Tenant: tenant, Scaler: "control-plane", Mode: v1alpha1.ModeDryRun, Spec: &known.Spec, Status: known.Status, Record: known.Record}
	if known.Mode != "" {
		c.Mode = known.Mode
	}
	if known.Profile != nil {
		c.Profile = &report.Profile{ConfidencePercent: known.Profile.ConfidencePercent, Fresh: known.Profile.Fresh}
	}
	return c
}

const (
	shrinks = `
spec: {name: kube-apiserver, scaleDown: {state: Enabled}, bounds: {min: {cpu: 500m}}}
status:
  current: {replicas: 2, requests: {cpu: "2", memory: 8Gi}, limits: {cpu: "4", memory: 8Gi}}
  verdict: Steady
  reason: Observing
  message: use is low; it must be for 12h0m0s before anything is made smaller
  use: [{resource: Memory, lowSince: "2026-01-03T06:00:00Z", seenTime: "2026-01-03T11:59:00Z", peak: {memory: 3Gi}}]
  estimates:
  - {estimator: OOM, message: no kill and no floor}
  - {estimator: Profile, lower: {memory: 1Gi}, target: {cpu: 400m, memory: 2Gi}, message: of its profile}
profile: {confidencePercent: 98, fresh: true}
`
	told = `
spec: {name: etcd, scaleDown: {state: Enabled}}
status: {current: {replicas: 3, requests: {cpu: "2", memory: 8Gi}, limits: {cpu: "2", memory: 8Gi}}, verdict: ScaleDown, reason: UseLow, message: low}
record:
  spec:
    verdict: ScaleDown
    reason: UseLow
    message: little memory has been used for 12h0m0s
    from: {replicas: 3, requests: {cpu: "2", memory: 8Gi}, limits: {cpu: "2", memory: 8Gi}}
    want: {replicas: 3, requests: {cpu: "2", memory: 3Gi}, limits: {cpu: "2", memory: 3Gi}}
    to: {replicas: 3, requests: {cpu: "2", memory: 6Gi}, limits: {cpu: "2", memory: 6Gi}}
  status: {phase: DryRun}
profile: {confidencePercent: 30, fresh: true}
`
	grows = `
spec: {name: kube-controller-manager}
status: {current: {replicas: 1, requests: {memory: 512Mi}, limits: {memory: 1Gi}}, verdict: Steady, reason: WithinBounds, message: no trigger asks for a change}
record:
  spec:
    verdict: ScaleUp
    reason: OOMKilled
    message: was OOM-killed at its memory limit of 1Gi
    from: {replicas: 1, requests: {memory: 512Mi}, limits: {memory: 1Gi}}
    want: {limits: {memory: 1536Mi}}
    to: {replicas: 1, requests: {memory: 768Mi}, limits: {memory: 1536Mi}}
  status: {phase: DryRun}
`
	atMaximum = `
mode: Auto
spec: {name: kube-scheduler, bounds: {max: {memory: 1Gi}}}
status: {current: {replicas: 1, requests: {memory: 1Gi}, limits: {memory: 1Gi}}, verdict: Held, gate: leaking, reason: AtMaximum, message: "needs more than bounds.max.memory 1Gi: raise it, or lower the load"}
record:
  spec:
    verdict: Held
    reason: AtMaximum
    message: held
    from: {replicas: 1, requests: {memory: 1Gi}, limits: {memory: 1Gi}}
    want: {limits: {memory: 1536Mi}}
    to: {replicas: 1, requests: {memory: 1Gi}, limits: {memory: 1Gi}}
  status: {phase: Held}
`
	blind = `
spec: {name: etcd, scaleDown: {state: Enabled}}
status:
  current: {replicas: 3, requests: {cpu: "1", memory: 4Gi}, limits: {memory: 4Gi}}
  verdict: Held
  gate: blind
  reason: SignalsMissing
  message: its use has not been measured lately, so nothing is made smaller
  estimates: [{estimator: Profile, message: its samples are 42m old}]
`
	stays = `
spec: {name: kube-apiserver}
status: {current: {replicas: 2, requests: {cpu: "1", memory: 2Gi}, limits: {memory: 2Gi}}, verdict: Steady, reason: WithinBounds, message: no trigger asks for a change}
`
	undecided = `
spec: {name: kube-apiserver}
`
)

func fleet(t *testing.T, prices report.Prices) report.Report {
	t.Helper()
	b := report.NewBuilder(now, prices)
	for i, text := range []string{shrinks, told, grows, atMaximum, blind, stays, undecided} {
		b.Add(component(t, fmt.Sprintf("tenant-%d", i), text))
	}
	return b.Report()
}

func TestReport(t *testing.T) {
	r := fleet(t, report.Prices{CPUHour: new(0.03), GiBHour: new(0.004)})
	for name, write := range map[string]func(io.Writer) error{
		"table.txt":   func(w io.Writer) error { return r.Text(w, false, false) },
		"wide.txt":    func(w io.Writer) error { return r.Text(w, true, false) },
		"report.md":   r.Markdown,
		"report.html": r.HTML,
		"report.csv":  func(w io.Writer) error { return report.Table(r.Rows, true, r.Prices).Write(w, show.FormatCSV, false) },
		"report.json": func(w io.Writer) error { return show.Document(w, show.FormatJSON, r) },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, name, out.Bytes())
		})
	}
}

// TestWhatIsNotKnownIsNotZero: a component of which nothing is known saves nothing that is known, and is counted.
func TestWhatIsNotKnownIsNotZero(t *testing.T) {
	r := fleet(t, report.Prices{})
	if r.Total.UnknownMemory != 2 || r.Total.UnknownCPU != 4 {
		t.Errorf("unknown: memory of %d, cpu of %d; want 2 (blind, undecided), 4 (and two that request no cpu)", r.Total.UnknownMemory, r.Total.UnknownCPU)
	}
	for _, row := range r.Rows {
		if row.Component == "etcd" && row.Gate == "blind" && (row.SavedGiB != nil || row.Direction != report.Unknown || row.Risk != report.RiskUnknown) {
			t.Errorf("the blind one: %+v", row)
		}
		if row.SavedPerMonth != nil {
			t.Errorf("%s: money without prices", row.Tenant)
		}
	}
	if r.Total.SavedPerMonth != nil {
		t.Error("money in the total without prices")
	}
}

func TestSavings(t *testing.T) {
	r := fleet(t, report.Prices{GiBHour: new(0.5)})
	got := map[string]string{}
	for _, row := range r.Rows {
		said := func(v *float64) string {
			if v == nil {
				return "-"
			}
			return fmt.Sprint(*v)
		}
		got[row.Tenant] = fmt.Sprintf("%s %s %s %s %s", row.Direction, said(row.SavedCores), said(row.SavedGiB), said(row.SavedPerMonth), row.Risk)
	}
	want := map[string]string{
		"tenant-0": "Down 3.5 10 3650 Low",  // 2 × (2 − 0.25) cores, for the minimum is 500m; 2 × (8 − 3) GiB, for the peak was 3Gi
		"tenant-1": "Down 0 15 5475 High",   // 3 × (8 − 3) GiB, in the end; the profile knows too little
		"tenant-2": "Up - -0.25 -91.25 Low", // the request follows the limit; it requests no cpu
		"tenant-3": "Stays - 0 0 High",      // growth that is held has no room
		"tenant-4": "Unknown - - - Unknown", // blind
		"tenant-5": "Stays 0 0 0 None",      // may not shrink
		"tenant-6": "Unknown - - - Unknown", // undecided
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Total.SavedGiB != 24.75 || *r.Total.SavedPerMonth != 24.75*0.5*report.HoursPerMonth {
		t.Errorf("total %v GiB, %v", r.Total.SavedGiB, *r.Total.SavedPerMonth)
	}
}

// TestARecordThatIsDoneWithSaysNothingOfNow: a record of another size, or one that ended, is not what would happen.
func TestARecordThatIsDoneWithSaysNothingOfNow(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.ScalingRecord){
		"succeeded":    func(r *v1alpha1.ScalingRecord) { r.Status.Phase = v1alpha1.PhaseSucceeded },
		"another size": func(r *v1alpha1.ScalingRecord) { r.Spec.From.Limits.Memory.Add(*r.Spec.From.Requests.Memory) },
	} {
		t.Run(name, func(t *testing.T) {
			c := component(t, "t", grows)
			change(c.Record)
			b := report.NewBuilder(now, report.Prices{})
			b.Add(c)
			if row := b.Report().Rows[0]; row.Direction != report.Stays {
				t.Errorf("%s, want Stays", row.Direction)
			}
		})
	}
}

func TestRisk(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*report.Component)
		want   report.Risk
	}{
		"confident":        {func(*report.Component) {}, report.RiskLow},
		"half confident":   {func(c *report.Component) { c.Profile.ConfidencePercent = new(int32(60)) }, report.RiskMedium},
		"hardly confident": {func(c *report.Component) { c.Profile.ConfidencePercent = new(int32(10)) }, report.RiskHigh},
		"does not say":     {func(c *report.Component) { c.Profile.ConfidencePercent = nil }, report.RiskUnknown},
		"not fresh":        {func(c *report.Component) { c.Profile.Fresh = false }, report.RiskHigh},
		"no profile":       {func(c *report.Component) { c.Profile = nil }, report.RiskUnknown},
		"taken back once":  {func(c *report.Component) { c.Status.UndoneCount = new(int32(1)) }, report.RiskMedium},
		"in trouble": {func(c *report.Component) {
			c.Status.LastTroubleTime = &metav1.Time{Time: now.Add(-time.Hour)}
		}, report.RiskHigh},
		"in trouble long ago": {func(c *report.Component) {
			c.Status.LastTroubleTime = &metav1.Time{Time: now.Add(-48 * time.Hour)}
		}, report.RiskLow},
	} {
		t.Run(name, func(t *testing.T) {
			c := component(t, "t", shrinks)
			tc.change(&c)
			b := report.NewBuilder(now, report.Prices{})
			b.Add(c)
			if row := b.Report().Rows[0]; row.Risk != tc.want || row.RiskReason == "" {
				t.Errorf("%s (%s), want %s", row.Risk, row.RiskReason, tc.want)
			}
		})
	}
}

// TestThePageIsWholeAndAgreesWithTheJSON: nothing is loaded, charts are well-formed, totals are the same.
func TestThePageIsWholeAndAgreesWithTheJSON(t *testing.T) {
	b := report.NewBuilder(now, report.Prices{CPUHour: new(0.03), GiBHour: new(0.004)})
	for i := range 500 {
		texts := []string{shrinks, told, grows, atMaximum, blind, stays, undecided}
		c := component(t, fmt.Sprintf("tenant-%04d", i), texts[i%len(texts)])
		if c.Status != nil {
			c.Status.Message = `</script><script>alert(1)</script>`
		}
		b.Add(c)
	}
	r := b.Report()
	var out bytes.Buffer
	if err := r.HTML(&out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if loaded := regexp.MustCompile(`(?i)(src|href)="[^"]*"|url\(|@import`).FindAllString(page, -1); !cmp.Equal(loaded, []string{`href="data:,"`}) {
		t.Errorf("loaded from elsewhere: %q", loaded)
	}
	if strings.Contains(page, "<script>") {
		t.Error("a message became a script")
	}
	_, after, _ := strings.Cut(page, `id="totals">`)
	totals, _, _ := strings.Cut(after, "</script>")
	var fromPage, fromJSON report.Sum
	if err := json.Unmarshal([]byte(totals), &fromPage); err != nil {
		t.Fatalf("%s: %v", totals, err)
	}
	document, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(document, &struct{ Total *report.Sum }{&fromJSON}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fmt.Sprintf("%+v", fromJSON.SavedGiB), fmt.Sprintf("%+v", fromPage.SavedGiB)); diff != "" || fromPage.Components != 500 || fromPage.SavedGiB == 0 {
		t.Errorf("totals differ (-json +page):\n%s", diff)
	}
	if charts := strings.Count(page, "<svg "); charts != 8 {
		t.Errorf("%d charts, want 8", charts)
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg .*?</svg>`).FindAllString(page, -1) {
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, svg)
			}
		}
	}
}

// BenchmarkFleet reports ten thousand tenants of four components.
func BenchmarkFleet(b *testing.B) {
	var known struct {
		Spec   v1alpha1.Component        `json:"spec"`
		Status *v1alpha1.ComponentStatus `json:"status"`
	}
	text, _, _ := strings.Cut(shrinks, "profile:")
	if err := yaml.Unmarshal([]byte(text), &known); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		builder := report.NewBuilder(now, report.Prices{})
		for i := range 40_000 {
			builder.Add(report.Component{Tenant: fmt.Sprintf("tenant-%05d", i/4), Mode: v1alpha1.ModeDryRun, Spec: &known.Spec, Status: known.Status})
		}
		if err := builder.Report().HTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
