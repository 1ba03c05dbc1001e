package pausing

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/show"
)

// Change is what is to become of one ClusterScaler's pause.
type Change struct {
	Tenant string        `json:"tenant"`
	Scaler string        `json:"scaler"`
	Mode   v1alpha1.Mode `json:"mode"`
	// Before is nil where it is not paused, After where it is resumed.
	Before *v1alpha1.Pause `json:"before,omitempty"`
	After  *v1alpha1.Pause `json:"after,omitempty"`
	// Error is why it could not be changed.
	Error string `json:"error,omitempty"`
}

// Of gives the change of one scaler to a pause, or to none; false where it is so already.
func Of(s *v1alpha1.ClusterScaler, after *v1alpha1.Pause) (Change, bool) {
	c := Change{Tenant: s.Namespace, Scaler: s.Name, Mode: s.Spec.Mode, Before: s.Spec.Pause, After: after}
	return c, !Equal(s.Spec.Pause, after)
}

// Equal compares pauses as they take effect.
func Equal(a, b *v1alpha1.Pause) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Until.Time.Equal(b.Until.Time) && direction(a) == direction(b) && a.Reason == b.Reason
}

func direction(p *v1alpha1.Pause) v1alpha1.PauseDirection {
	if p.Direction == "" {
		return v1alpha1.PauseBoth
	}
	return p.Direction
}

// Patch is the merge patch that sets the pause and nothing else. It is refused when the object has changed since that version.
func Patch(after *v1alpha1.Pause, resourceVersion string) ([]byte, error) {
	var pause any
	if after != nil {
		// A merge patch keeps what it does not name: what the new pause lacks is named, to be removed.
		fields := map[string]any{"until": after.Until, "direction": nil, "reason": nil}
		if after.Direction != "" {
			fields["direction"] = after.Direction
		}
		if after.Reason != "" {
			fields["reason"] = after.Reason
		}
		pause = fields
	}
	return json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": resourceVersion},
		"spec":     map[string]any{"pause": pause},
	})
}

// New makes a pause from what a person wrote.
func New(now time.Time, length, direction, reason string) (*v1alpha1.Pause, error) {
	if length == "" {
		return nil, fmt.Errorf("for how long? write --for, such as --for 2h or --for 3d")
	}
	d, err := Length(length)
	if err != nil {
		return nil, err
	}
	p := &v1alpha1.Pause{Until: metav1.NewTime(now.Add(d).UTC().Truncate(time.Second)), Reason: reason}
	switch v1alpha1.PauseDirection(direction) {
	case v1alpha1.PauseBoth, v1alpha1.PauseUp, v1alpha1.PauseDown:
		p.Direction = v1alpha1.PauseDirection(direction)
	default:
		return nil, fmt.Errorf("--direction %s is not known: write Up, Down or Both", direction)
	}
	if n := len([]rune(reason)); n > maxReason {
		return nil, fmt.Errorf("--reason has %d characters: write at most %d", n, maxReason)
	}
	return p, nil
}

// maxReason is that of the API.
const maxReason = 256

// Length reads a length of time, also in days: "90m", "2h30m", "3d".
func Length(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok && err != nil {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n < 3650 {
			d = time.Duration(n) * 24 * time.Hour
		}
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("--for %s is no length of time: write one such as 90m, 2h or 3d", text)
	}
	return d, nil
}

// Say says a pause: "Both until 2026-01-01T00:00:00Z (in 2h): load test".
func Say(p *v1alpha1.Pause, now time.Time) string {
	switch {
	case p == nil:
		return "not paused"
	case !p.Until.After(now):
		return fmt.Sprintf("%s ended %s", direction(p), show.Ago(p.Until.Time, now))
	}
	said := fmt.Sprintf("%s until %s (%s)", direction(p), show.Stamp(p.Until.Time), show.Ago(p.Until.Time, now))
	if p.Reason != "" {
		said += ": " + p.Reason
	}
	return said
}

// Table lists changes.
func Table(changes []Change, now time.Time) show.Table {
	t := show.Table{Columns: []show.Column{{Name: "TENANT"}, {Name: "SCALER"}, {Name: "MODE"}, {Name: "BEFORE"}, {Name: "AFTER"}}}
	for _, c := range changes {
		after := show.Text(Say(c.After, now))
		if c.Error != "" {
			after = show.Cell{Text: "unchanged: " + c.Error, Tone: show.Bad}
		}
		t.Rows = append(t.Rows, []show.Cell{show.Text(c.Tenant), show.Text(c.Scaler), show.Text(string(c.Mode)), show.Text(Say(c.Before, now)), after})
	}
	return t
}
