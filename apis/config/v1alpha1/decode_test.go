package v1alpha1

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const head = "apiVersion: config.metapilot.dev/v1alpha1\nkind: Configuration\n"

func TestExampleIsTheDefault(t *testing.T) {
	got, err := Load("example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("example.yaml shows every field with its default (-default +example):\n%s", diff)
	}
}

func TestDecodeReadsLists(t *testing.T) {
	got, err := Decode("f", []byte(head+"profiles:\n  algorithms:\n    - {component: etcd, type: Peak}\n    - {component: \"\", type: VPA}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []ComponentAlgorithm{{Component: "etcd", Type: "Peak"}, {Type: "VPA"}}
	if diff := cmp.Diff(want, got.Profiles.Algorithms); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSignalsAreReadWhereThereIsAPrometheus(t *testing.T) {
	for content, want := range map[string]string{
		"": "",
		"signals: {prometheus: {address: http://a}}\n":                                                                       "http://a",
		"profiles: {prometheus: {address: http://p}}\n":                                                                      "http://p",
		"signals: {prometheus: {address: http://a}}\nprofiles: {source: Prometheus, prometheus: {address: http://p}}\n":      "http://a",
		"signals: {state: Enabled}\nprofiles: {source: Prometheus, prometheus: {address: http://p}}\n":                       "http://p",
		"signals: {state: Disabled, prometheus: {address: http://a}}\n":                                                      "",
		"signals: {state: Disabled}\nprofiles: {source: Prometheus, prometheus: {address: http://p, bearerTokenFile: /t}}\n": "",
	} {
		c, err := Decode("f", []byte(head+content))
		if err != nil {
			t.Errorf("%q: %v", content, err)
			continue
		}
		got := ""
		if c.SignalsOn() {
			got = c.SignalsServer().Address
		}
		if got != want {
			t.Errorf("%q: read from %q, want %q", content, got, want)
		}
	}
}

func TestDefaultIsValid(t *testing.T) {
	if errs := Validate(Default()); len(errs) > 0 {
		t.Error(errs.ToAggregate())
	}
}

func TestDecodeKeepsDefaultsOfWhatIsAbsent(t *testing.T) {
	got, err := Decode("f", []byte(head+"leaderElection:\n  namespace: metapilot\nclient: {qps: 5, burst: 10}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.LeaderElection.Namespace, want.Client = "metapilot", Client{QPS: 5, Burst: 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every error names the file, and tells what to write.
func TestDecodeTellsWhatToWrite(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		want    []string
	}{
		"empty file":                  {"", []string{"the file is empty: write at least apiVersion: config.metapilot.dev/v1alpha1"}},
		"not YAML":                    {"a: [", []string{"not YAML", "line 1"}},
		"a list":                      {"- a\n", []string{"line 1: not a mapping"}},
		"two documents":               {head + "---\n" + head, []string{"line 3: more than one document: keep one"}},
		"no version":                  {"kind: Configuration\n", []string{`apiVersion: Invalid value: "": write config.metapilot.dev/v1alpha1`}},
		"another version":             {"apiVersion: v1\nkind: Configuration\n", []string{"write config.metapilot.dev/v1alpha1"}},
		"another kind":                {strings.Replace(head, "Configuration", "Config", 1), []string{"kind: ", "write Configuration"}},
		"unknown field":               {head + "healt: {}\n", []string{"line 3: healt: no such field: write one of kind, apiVersion, leaderElection, health,"}},
		"unknown inner field":         {head + "usage:\n  metricsServer:\n    interval: 5\n", []string{"line 5: usage.metricsServer.interval: no such field: write one of state, intervalSeconds,"}},
		"wrong case":                  {head + "Health: {}\n", []string{"line 3: Health: no such field"}},
		"duplicate field":             {head + "client:\n  qps: 1\n  qps: 2\n", []string{"line 5: client.qps: written twice, first in line 4: keep one"}},
		"text for a number":           {head + "client:\n  qps: \"1\"\n", []string{`line 4: client.qps: "1" is not a whole number: write a number such as 200`}},
		"fraction for a number":       {head + "client:\n  qps: 1.5\n", []string{"line 4: client.qps", "is not a whole number"}},
		"number out of range":         {head + "client:\n  qps: 99999999999\n", []string{"line 4: client.qps", "is not a whole number"}},
		"octal number":                {head + "client:\n  qps: 0200\n", []string{"line 4: client.qps", "is not a whole number"}},
		"duration for a number":       {head + "leaderElection:\n  leaseSeconds: 15s\n", []string{`line 4: leaderElection.leaseSeconds: "15s" is not a whole number: write a number such as 15`}},
		"bool for a switch":           {head + "leaderElection:\n  state: true\n", []string{`line 4: leaderElection.state: "true" is not a text: write it in quotes`}},
		"null for a text":             {head + "pprof:\n  bindAddress:\n", []string{"line 4: pprof.bindAddress", "is not a text"}},
		"value for fields":            {head + "client: 5\n", []string{"line 3: client: fields are expected, one a line below it: qps, burst"}},
		"fields for a value":          {head + "client:\n  qps: {a: 1}\n", []string{"line 4: client.qps: a single value is expected: write a number such as 200"}},
		"alias":                       {head + "client: &c {qps: 1}\n", []string{"line 3: client: anchors and aliases are not read"}},
		"several errors at once":      {head + "a: 1\nb: 2\n", []string{"line 3: a: no such field", "line 4: b: no such field"}},
		"switch":                      {head + "leaderElection: {state: On}\n", []string{`leaderElection.state: Invalid value: "On": write Enabled or Disabled`}},
		"explicit zero":               {head + "client: {qps: 0}\n", []string{"client.qps: Invalid value: 0: write a number from 1 to 100000"}},
		"burst below qps":             {head + "client: {qps: 10, burst: 5}\n", []string{"client.burst: Invalid value: 5: write at least client.qps, 10"}},
		"renew not below lease":       {head + "leaderElection: {leaseSeconds: 10}\n", []string{"leaderElection.renewSeconds: Invalid value: 10: write less than leaderElection.leaseSeconds, 10"}},
		"retry too near renew":        {head + "leaderElection: {retrySeconds: 9}\n", []string{"leaderElection.retrySeconds: Invalid value: 9: write less than leaderElection.renewSeconds / 1.2"}},
		"namespace":                   {head + "leaderElection: {namespace: A_b}\n", []string{"leaderElection.namespace", "write the name of a namespace"}},
		"lease's name":                {head + "leaderElection: {name: \"\"}\n", []string{"leaderElection.name", "write the name of a Lease, such as metapilot"}},
		"address":                     {head + "health: {bindAddress: \"8081\"}\n", []string{"health.bindAddress", `write host:port or :port, such as ":8443"`}},
		"named port":                  {head + "health: {bindAddress: \":http\"}\n", []string{"health.bindAddress", "write host:port or :port"}},
		"pprof for everybody":         {head + "pprof: {bindAddress: \":6060\"}\n", []string{"pprof.bindAddress", `write a loopback address, such as "127.0.0.1:6060"`}},
		"log format":                  {head + "logging: {format: text}\n", []string{"logging.format", "write json or console"}},
		"log level":                   {head + "logging: {level: warn}\n", []string{"logging.level", "write error or info or debug or trace"}},
		"timeout over interval":       {head + "usage: {metricsServer: {timeoutSeconds: 20}}\n", []string{"usage.metricsServer.timeoutSeconds: Invalid value: 20: write at most usage.metricsServer.intervalSeconds, 15"}},
		"profiles without an address": {head + "profiles: {source: Prometheus}\n", []string{"profiles.prometheus.address: Required value: profiles.source is Prometheus: write its URL"}},
		"profiles' source":            {head + "profiles: {source: Thanos}\n", []string{`profiles.source: Invalid value: "Thanos": write MetricsServer or Prometheus`}},
		"profiles' time-out":          {head + "profiles: {timeoutSeconds: 61}\n", []string{"profiles.timeoutSeconds: Invalid value: 61: write at most profiles.intervalSeconds, 60"}},
		"profiles' checkpoints":       {head + "profiles: {checkpointSeconds: 1}\n", []string{"profiles.checkpointSeconds: Invalid value: 1: write a number from 60 to 86400"}},
		"profiles' algorithm":         {head + "profiles: {algorithms: [{component: etcd, type: Magic}]}\n", []string{`profiles.algorithms[0].type: Invalid value: "Magic": write Auto or VPA`}},
		"profiles' algorithm, twice":  {head + "profiles: {algorithms: [{component: etcd, type: VPA}, {component: etcd, type: Peak}]}\n", []string{`profiles.algorithms[1].component: Invalid value: "etcd": write each component once`}},
		"a list that is none":         {head + "profiles: {algorithms: Peak}\n", []string{"line 3: profiles.algorithms: a list is expected"}},
		"an unknown field in a list":  {head + "profiles: {algorithms: [{name: etcd}]}\n", []string{"line 3: profiles.algorithms[0].name: no such field: write one of component, type"}},
		"signals without an address":  {head + "signals: {state: Enabled}\n", []string{"signals.prometheus.address: Required value: signals.state is Enabled: write its URL"}},
		"signals' state":              {head + "signals: {state: On}\n", []string{`signals.state: Invalid value: "On": write Auto or Enabled or Disabled`}},
		"signals' time-out":           {head + "signals: {timeoutSeconds: 31}\n", []string{"signals.timeoutSeconds: Invalid value: 31: write at most signals.intervalSeconds, 30"}},
		"signals' window":             {head + "signals: {windowSeconds: 1}\n", []string{"signals.windowSeconds: Invalid value: 1: write a number from 5 to 3600"}},
		"a signal that is none":       {head + "signals: {queries: [{signal: Mood, query: up}]}\n", []string{`signals.queries[0].signal: Invalid value: "Mood": write Rejections or Seats`}},
		"a query of nothing":          {head + "signals: {queries: [{signal: Seats}]}\n", []string{"signals.queries[0].query: Required value: write PromQL"}},
		"a signal twice":              {head + "signals: {queries: [{signal: Seats, query: a}, {signal: Seats, query: b}]}\n", []string{`signals.queries[1].signal: Invalid value: "Seats": write each signal once`}},
		"records' age":                {head + "records: {maxAgeSeconds: 60}\n", []string{"records.maxAgeSeconds: Invalid value: 60: write a number from 3600 to"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode("metapilot.yaml", []byte(tc.content))
			if err == nil {
				t.Fatalf("no error, got %+v", got)
			}
			for _, want := range append(tc.want, "metapilot.yaml: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestLoadNamesTheFileThatIsNotThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "no.yaml")
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v does not name %s", err, file)
	}
}

// FuzzDecode: whatever is in the file, the decoder does not panic, and what it accepts is valid.
func FuzzDecode(f *testing.F) {
	example, err := os.ReadFile("example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	for _, seed := range []string{"", head, head + "client: {qps: 5, burst: 10}\n", head + "client: &a {qps: 1}\nusage: *a\n", head + "? [a]\n: b\n", "{}\n---\n{}", "\xff", "<<: {}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := Decode("f", content)
		if err != nil {
			return
		}
		if errs := Validate(got); len(errs) > 0 {
			t.Errorf("accepted, but not valid: %v", errs)
		}
	})
}
