package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const auditLines = `{"verb":"get","user":{"username":"a"},"objectRef":{"resource":"pods"},"requestReceivedTimestamp":"2026-01-01T10:00:00.500000Z"}
{"verb":"watch","user":{"username":"a"},"objectRef":{"resource":"pods"},"requestReceivedTimestamp":"2026-01-01T10:00:01.000000Z"}
{"verb":"patch","user":{"username":"a"},"objectRef":{"resource":"pods","subresource":"resize"},"requestReceivedTimestamp":"2026-01-01T10:00:01.000000Z"}
{"verb":"create","user":{"username":"b"},"objectRef":{"resource":"events"},"requestReceivedTimestamp":"2026-01-01T10:00:02.000000Z"}
{"verb":"get","user":{"username":"b"},"requestReceivedTimestamp":"2026-01-01T10:00:02.000000Z"}
{"verb":"update","user":{"username":"b"},"objectRef":{"resource":"leases"},"requestReceivedTimestamp":"2026-01-01T10:00:02.000000Z"}
{"verb":"delete","user":{"username":"b"},"objectRef":{"resource":"pods"},"requestReceivedTimestamp":"2026-01-01T09:59:59.000000Z"}
{"verb":"delete","user":{"username":"b"},"objectRef":{"resource":"pods"},"requestReceivedTimestamp":"2026-01-01T10:00:03.000000Z"}
`

func TestRequestsAreCountedByUserWithinTheTimeAndWithoutLeases(t *testing.T) {
	from := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	want := map[string]Requests{"a": {Reads: 2, Writes: 1}, "b": {Reads: 1, Writes: 1}}
	for name, log := range map[string]string{"whole lines": auditLines, "a line that is still being written": auditLines + `{"verb":"ge`} {
		t.Run(name, func(t *testing.T) {
			got, err := countRequests(strings.NewReader(log), from, from.Add(2*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestALineThatIsNoEventIsAnError(t *testing.T) {
	if _, err := countRequests(strings.NewReader("no event\n"), time.Time{}, time.Time{}); err == nil || !strings.Contains(err.Error(), "audit log") {
		t.Errorf("error is %v", err)
	}
}

func TestFieldOf(t *testing.T) {
	const content = "processor\t: 0\nmodel name\t: A CPU: fast\nmodel name\t: Another\nMemTotal:  16 kB\n"
	for name, want := range map[string]string{"model name": "A CPU: fast", "MemTotal": "16 kB", "none": ""} {
		if got := fieldOf(content, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
