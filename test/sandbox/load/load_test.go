package load

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)

func TestUsageFollowsItsShape(t *testing.T) {
	low, high := Usage{MilliCPU: 100, MemoryBytes: 1000}, Usage{MilliCPU: 300, MemoryBytes: 5000}
	middle := Usage{MilliCPU: 200, MemoryBytes: 3000}
	trace := []Point{{100, low}, {160, middle}, {220, high}} // repeats after 180 s
	for name, tc := range map[string]struct {
		load Load
		want map[time.Duration]Usage
	}{
		"constant": {Load{Shape: Constant, To: high}, map[time.Duration]Usage{0: high, time.Hour: high}},
		"ramp": {
			Load{Shape: Ramp, From: low, To: high, Seconds: 60},
			map[time.Duration]Usage{-time.Minute: low, 0: low, 30 * time.Second: middle, time.Minute: high, time.Hour: high},
		},
		"a compressed ramp": {
			Load{Shape: Ramp, From: low, To: high, Seconds: 60, Compression: 30},
			map[time.Duration]Usage{0: low, time.Second: middle, 2 * time.Second: high},
		},
		"a day is low at midnight and high at noon": {
			Load{Shape: Daily, From: low, To: high},
			map[time.Duration]Usage{0: low, 6 * time.Hour: middle, 12 * time.Hour: high, 18 * time.Hour: middle, 24 * time.Hour: low, 36 * time.Hour: high},
		},
		"a day in 24 seconds": {Load{Shape: Daily, From: low, To: high, Compression: 3600}, map[time.Duration]Usage{12 * time.Second: high, 24 * time.Second: low}},
		"a trace holds each point and repeats": {
			Load{Shape: Trace, TraceFile: "x"},
			map[time.Duration]Usage{0: low, 59 * time.Second: low, 60 * time.Second: middle, 179 * time.Second: high, 180 * time.Second: low, 245 * time.Second: middle},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.load.StartedAt = start
			if err := tc.load.Validate(); err != nil {
				t.Fatal(err)
			}
			for after, want := range tc.want {
				if diff := cmp.Diff(want, tc.load.At(start.Add(after), trace)); diff != "" {
					t.Errorf("after %s (-want +got):\n%s", after, diff)
				}
			}
		})
	}
}

func TestALoadThatIsNotOneIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		load Load
		want string
	}{
		"no shape":           {Load{}, `no load shape ""`},
		"a ramp of no time":  {Load{Shape: Ramp}, "needs a duration above 0"},
		"a trace of no file": {Load{Shape: Trace}, "needs a file"},
		"negative usage":     {Load{Shape: Constant, To: Usage{MilliCPU: -1}}, "cannot be negative"},
		"negative time":      {Load{Shape: Constant, Compression: -1}, "must be above 0"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.load.Validate(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
}

const header = "timestamp_seconds,cpu_cores,memory_bytes\n"

func TestATraceIsReadPlainAndPacked(t *testing.T) {
	text := header + "0,0.25,1048576\n60,1.5,2097152\n"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := []Point{{0, Usage{250, 1 << 20}}, {60, Usage{1500, 2 << 20}}}
	for name, content := range map[string][]byte{"plain": []byte(text), "packed": packed.Bytes()} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadTrace(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestABrokenTraceIsRefusedWithItsLine(t *testing.T) {
	for name, tc := range map[string]struct{ content, want string }{
		"empty":             {"", "it is empty"},
		"another header":    {"time,cpu,memory\n1,2,3\n", "line 1 is"},
		"no rows":           {header, "it has no rows"},
		"not a number":      {header + "0,1,1\n60,lots,1\n", `line 3: "lots" is not a number`},
		"a negative number": {header + "0,-1,1\n", `line 2: "-1" is not a number of 0 or more`},
		"not a finite one":  {header + "0,NaN,1\n", `line 2: "NaN" is not a number`},
		"time stands still": {header + "0,1,1\n0,1,1\n", "line 3: the time does not grow"},
		"a column missing":  {header + "0,1\n", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseTrace(strings.NewReader(tc.content)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
}
