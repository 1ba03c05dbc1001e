package prometheus

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWrongSettingsSayWhatIsWrong(t *testing.T) {
	const fine = "https://prometheus.monitoring:9090"
	for want, settings := range map[string]Settings{
		`address "": must be http://HOST`:                   {},
		`address "ftp://x": must be http://HOST`:            {Address: "ftp://x"},
		"address: must not hold a password":                 {Address: "http://u:p@x"},
		"must end with a path":                              {Address: "http://x/?a=b"},
		"only one can be sent":                              {Address: fine, BearerTokenFile: "f", BasicAuth: BasicAuth{Username: "u"}},
		`matchers: "name space" is no label`:                {Address: fine, Matchers: []Matcher{{"name space", Equal, "x"}}},
		"matchers: namespace: error parsing regexp":         {Address: fine, Matchers: []Matcher{{"namespace", Matches, "("}}},
		`matchers: namespace: "==" is none of = != =~ !~`:   {Address: fine, Matchers: []Matcher{{"namespace", "==", "x"}}},
		"withoutPageCache: error parsing regexp":            {Address: fine, WithoutPageCache: "("},
		"queriesPerMinute 5: must be 6 or more":             {Address: fine, QueriesPerMinute: 5},
		"window 1.5s: must be whole seconds":                {Address: fine, Window: 1500 * time.Millisecond},
		"step -1m0s: must be whole seconds":                 {Address: fine, Step: -time.Minute},
		"timeout -1s: must be above 0":                      {Address: fine, Timeout: -time.Second},
		"maxBytes and maxSeries: must be above 0":           {Address: fine, MaxSeries: -1},
		"maxPoints 5: must be maxSeries (500000) or more":   {Address: fine, MaxPoints: 5},
		`setting header "Authorization" is not allowed`:     {Address: fine, Headers: []Header{{Name: "authorization", Value: "x"}}},
		"open no-such-file: no such file":                   {Address: fine, TLS: TLS{CAFile: "no-such-file"}},
		"exactly one of key or key_file must be configured": {Address: fine, TLS: TLS{CertFile: "x"}},
	} {
		_, err := New(settings, fixed(noon))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestQueries(t *testing.T) {
	s := Settings{Matchers: []Matcher{{"namespace", Matches, "tenant-.*"}, {"cluster", NotEqual, `a"b\c`}}, WithoutPageCache: "etcd|mysql"}
	const (
		all  = `container!="",container!="POD",namespace=~"tenant-.*",cluster!="a\"b\\c"`
		by   = "max by (namespace, pod, container) "
		ws   = "container_memory_working_set_bytes"
		none = `container!="",container!="POD"`
	)
	for name, tc := range map[string]struct {
		settings Settings
		window   time.Duration
		want     queries
	}{
		"with everything": {s, 5 * time.Minute, queries{
			memory: by + "(max_over_time(" + ws + "{" + all + `,container!~"etcd|mysql"}[300s])) or ` +
				by + "(max_over_time(container_memory_rss{" + all + `,container=~"etcd|mysql"}[300s])) > 0 or ` +
				by + "(max_over_time(" + ws + "{" + all + `,container=~"etcd|mysql"}[300s]))`,
			resets: by + "(resets(container_cpu_usage_seconds_total{" + all + "}[600s])) > 0",
			cpu: by + "(rate(container_cpu_usage_seconds_total{" + all + "}[300s])" +
				" and count_over_time(container_cpu_usage_seconds_total{" + all + "}[60s] offset 240s)" +
				" unless resets(container_cpu_usage_seconds_total{" + all + "}[600s]) > 0)",
		}},
		"with page cache": {Settings{WithoutPageCache: "-"}, 12 * time.Second, queries{
			memory: by + "(max_over_time(" + ws + "{" + none + "}[12s]))",
			resets: by + "(resets(container_cpu_usage_seconds_total{" + none + "}[24s])) > 0",
			cpu: by + "(rate(container_cpu_usage_seconds_total{" + none + "}[12s])" +
				" and count_over_time(container_cpu_usage_seconds_total{" + none + "}[2s] offset 10s)" +
				" unless resets(container_cpu_usage_seconds_total{" + none + "}[24s]) > 0)",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.settings.queries(tc.window), cmp.AllowUnexported(queries{})); diff != "" {
				t.Errorf("queries (-want +got):\n%s", diff)
			}
		})
	}
}
