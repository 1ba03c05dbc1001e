package pausing_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/internal/golden"
	"github.com/metapilot/metapilot/cli/pausing"
	"github.com/metapilot/metapilot/cli/show"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestNew(t *testing.T) {
	for name, tc := range map[string]struct {
		length, direction, reason string
		want, wantErr             string
	}{
		"hours":               {length: "2h", direction: "Both", want: "Both until 2026-01-01T14:00:00Z (in 2h)"},
		"days, with a reason": {length: "3d", direction: "Down", reason: "load test", want: "Down until 2026-01-04T12:00:00Z (in 3d): load test"},
		"no length":           {direction: "Both", wantErr: "write --for, such as --for 2h"},
		"no length of time":   {length: "soon", direction: "Both", wantErr: "--for soon is no length of time: write one such as 90m, 2h or 3d"},
		"a time gone by":      {length: "-2h", direction: "Both", wantErr: "--for -2h is no length"},
		"a wrong direction":   {length: "2h", direction: "up", wantErr: "--direction up is not known: write Up, Down or Both"},
		"a long reason":       {length: "2h", direction: "Up", reason: strings.Repeat("ä", 257), wantErr: "--reason has 257 characters: write at most 256"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := pausing.New(now, tc.length, tc.direction, tc.reason)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("error %v, want %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := pausing.Say(p, now); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestAPatchSetsThePauseAndNothingElse(t *testing.T) {
	for name, tc := range map[string]struct {
		pause *v1alpha1.Pause
		want  string
	}{
		"pause":  {&v1alpha1.Pause{Until: metav1.NewTime(now), Direction: "Up"}, `{"metadata":{"resourceVersion":"7"},"spec":{"pause":{"direction":"Up","reason":null,"until":"2026-01-01T12:00:00Z"}}}`},
		"resume": {nil, `{"metadata":{"resourceVersion":"7"},"spec":{"pause":null}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := pausing.Patch(tc.pause, "7")
			if err != nil || string(got) != tc.want {
				t.Errorf("%s, %v; want %s", got, err, tc.want)
			}
		})
	}
}

func TestTable(t *testing.T) {
	paused := func(after time.Duration) *v1alpha1.Pause {
		return &v1alpha1.Pause{Until: metav1.NewTime(now.Add(after)), Reason: "load test"}
	}
	scaler := func(tenant string, pause *v1alpha1.Pause) *v1alpha1.ClusterScaler {
		s := &v1alpha1.ClusterScaler{Spec: v1alpha1.ClusterScalerSpec{Mode: v1alpha1.ModeAuto, Pause: pause}}
		s.Name, s.Namespace = "control-plane", tenant
		return s
	}
	var changes []pausing.Change
	for _, s := range []*v1alpha1.ClusterScaler{scaler("tenant-0001", nil), scaler("tenant-0002", paused(time.Hour)), scaler("tenant-0003", paused(-time.Hour))} {
		c, ok := pausing.Of(s, paused(2*time.Hour))
		if !ok {
			t.Errorf("%s: no change", s.Namespace)
		}
		changes = append(changes, c)
	}
	changes[2].Error = "forbidden"
	if _, ok := pausing.Of(scaler("tenant-0004", paused(2*time.Hour)), paused(2*time.Hour)); ok {
		t.Error("the same pause is a change")
	}
	var out bytes.Buffer
	if err := pausing.Table(changes, now).Write(&out, show.FormatTable, false); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "table.txt", out.Bytes())
}
