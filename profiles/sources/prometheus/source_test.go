package prometheus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/test/sandbox/pki"
)

// read gives the samples of one reading as lines.
func read(t testing.TB, s *Source) ([]string, sources.Report, error) {
	t.Helper()
	var lines []string
	report, err := s.Read(t.Context(), func(x sources.Sample) {
		mustBeUsage(t, x)
		lines = append(lines, line(x))
	})
	return lines, report, err
}

func TestReadGivesWhatIsKnownAndCountsWhatIsNot(t *testing.T) {
	at := func(offset time.Duration, value string) string {
		return fmt.Sprintf(`{"metric":{"namespace":"t1","pod":"etcd-0","container":"etcd"},"value":[%d,%q]}`, noon.Add(offset).Unix(), value)
	}
	for name, tc := range map[string]struct {
		memory, resets, cpu string
		want                []string
		wantReport          sources.Report
	}{
		"a container of both": {
			memory: vectorOf(rowOf("etcd", "1e9")), cpu: vectorOf(rowOf("etcd", "0.0125")),
			want:       []string{"t1/etcd-0/etcd cpu=none memory=1e+09 @1795598068 window=5m0s", "t1/etcd-0/etcd cpu=12.5 memory=none @1795598068 window=5m0s"},
			wantReport: sources.Report{CPU: 1, Memory: 1},
		},
		"a CPU of 0 is data, a memory of 0 is not": {
			memory: vectorOf(rowOf("etcd", "0")), cpu: vectorOf(rowOf("etcd", "0")),
			want:       []string{"t1/etcd-0/etcd cpu=0 memory=none @1795598068 window=5m0s"},
			wantReport: sources.Report{CPU: 1, Unknown: map[sources.Reason]int{sources.ReasonZeroMemory: 1}},
		},
		"nothing is unknown, for both": {
			wantReport: sources.Report{Unknown: map[sources.Reason]int{sources.ReasonEmpty: 2}},
		},
		"one without the other": {
			memory: vectorOf(rowOf("etcd", "1e9"), rowOf("side", "1e9")), cpu: vectorOf(rowOf("etcd", "1")),
			want: []string{
				"t1/etcd-0/etcd cpu=none memory=1e+09 @1795598068 window=5m0s", "t1/etcd-0/side cpu=none memory=1e+09 @1795598068 window=5m0s",
				"t1/etcd-0/etcd cpu=1000 memory=none @1795598068 window=5m0s",
			},
			wantReport: sources.Report{CPU: 1, Memory: 2, Unknown: map[sources.Reason]int{sources.ReasonAbsent: 1}},
		},
		"a counter that went back": {
			memory: vectorOf(rowOf("etcd", "1e9")), resets: vectorOf(rowOf("etcd", "1")), cpu: vectorOf(rowOf("side", "1")),
			want:       []string{"t1/etcd-0/etcd cpu=none memory=1e+09 @1795598068 window=5m0s", "t1/etcd-0/side cpu=1000 memory=none @1795598068 window=5m0s"},
			wantReport: sources.Report{CPU: 1, Memory: 1, Unknown: map[sources.Reason]int{sources.ReasonCounterReset: 1, sources.ReasonAbsent: 1}},
		},
		"of a container that comes twice the higher counts": {
			memory: vectorOf(rowOf("etcd", "2e9"), rowOf("etcd", "1e9"), rowOf("etcd", "3e9")), cpu: vectorOf(rowOf("etcd", "1")),
			want: []string{
				"t1/etcd-0/etcd cpu=none memory=2e+09 @1795598068 window=5m0s", "t1/etcd-0/etcd cpu=none memory=3e+09 @1795598068 window=5m0s",
				"t1/etcd-0/etcd cpu=1000 memory=none @1795598068 window=5m0s",
			},
			wantReport: sources.Report{CPU: 1, Memory: 2, Unknown: map[sources.Reason]int{sources.ReasonDuplicate: 2}},
		},
		"what is no usage": {
			memory:     vectorOf(rowOf("a", "NaN"), rowOf("b", "+Inf"), rowOf("c", "-1"), rowOf("d", "1e30"), rowOf("e", "x"), `{"metric":{}}`),
			cpu:        vectorOf(rowOf("a", "NaN"), rowOf("b", "-Inf"), rowOf("c", "-0.001"), rowOf("d", "1e9"), rowOf("e", "")),
			wantReport: sources.Report{Unknown: map[sources.Reason]int{sources.ReasonNotFinite: 4, sources.ReasonNegative: 2, sources.ReasonImplausible: 2, sources.ReasonMalformed: 3, sources.ReasonEmpty: 0}},
		},
		"a clock that is ahead": {
			memory: vectorOf(at(time.Hour, "1e9")), cpu: vectorOf(at(time.Hour, "1")),
			wantReport: sources.Report{Unknown: map[sources.Reason]int{sources.ReasonFuture: 2}},
		},
		"a clock that is behind": {
			memory: vectorOf(at(-time.Hour, "1e9")), cpu: vectorOf(at(-time.Hour, "1")),
			wantReport: sources.Report{Unknown: map[sources.Reason]int{sources.ReasonStale: 2}},
		},
		"the time 0 of Unix": {
			memory:     vectorOf(`{"metric":{"namespace":"t1","pod":"etcd-0","container":"etcd"},"value":[0,"1e9"]}`),
			cpu:        vectorOf(rowOf("etcd", "1")),
			want:       []string{"t1/etcd-0/etcd cpu=1000 memory=none @1795598068 window=5m0s"},
			wantReport: sources.Report{CPU: 1, Unknown: map[sources.Reason]int{sources.ReasonStale: 1}},
		},
		"a part of the source does not answer": {
			memory: strings.Replace(vectorOf(rowOf("etcd", "1e9")), `{"status"`, `{"warnings":["store-3 is away"],"status"`, 1), cpu: vectorOf(rowOf("etcd", "1")),
			want:       []string{"t1/etcd-0/etcd cpu=none memory=1e+09 @1795598068 window=5m0s", "t1/etcd-0/etcd cpu=1000 memory=none @1795598068 window=5m0s"},
			wantReport: sources.Report{CPU: 1, Memory: 1, Warnings: []string{"store-3 is away"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			source := serve(t, &script{memory: tc.memory, resets: tc.resets, cpu: tc.cpu}, Settings{}, fixed(noon))
			lines, report, err := read(t, source)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, lines); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
			tc.wantReport.Queries = 3
			for reason, n := range tc.wantReport.Unknown {
				if n == 0 {
					delete(tc.wantReport.Unknown, reason)
				}
			}
			if diff := cmp.Diff(tc.wantReport, report, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTheNumberOfQueriesIsTheSameForAnyFleet counts the requests that a server gets.
func TestTheNumberOfQueriesIsTheSameForAnyFleet(t *testing.T) {
	for _, tenants := range []int{10, 100, 1000} {
		var memory, cpu []string
		for i := range tenants {
			for _, c := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
				row := fmt.Sprintf(`{"metric":{"namespace":"t%d","pod":"p","container":%q},"value":[%s,"1"]}`, i, c, at)
				memory, cpu = append(memory, row), append(cpu, row)
			}
		}
		s := &script{memory: vectorOf(memory...), cpu: vectorOf(cpu...)}
		lines, report, err := read(t, serve(t, s, Settings{}, fixed(noon)))
		if err != nil || len(lines) != 8*tenants {
			t.Fatalf("%d samples (%v)", len(lines), err)
		}
		t.Logf("%d tenants, %d values: %d queries", tenants, len(lines), s.asked())
		if s.asked() != 3 || report.Queries != 3 {
			t.Errorf("%d tenants take %d queries (reported: %d), want 3", tenants, s.asked(), report.Queries)
		}
	}
}

func TestAFailureHoldsTheNextQueryBackForATimeThatDoubles(t *testing.T) {
	for name, tc := range map[string]struct {
		refuse  func(http.ResponseWriter)
		wantErr string
	}{
		"429": {func(w http.ResponseWriter) { http.Error(w, "slow down", http.StatusTooManyRequests) }, "prometheus answers 429: slow down"},
		"503, in words": {func(w http.ResponseWriter) {
			w.WriteHeader(503)
			_, _ = w.Write([]byte(`{"errorType":"timeout","error":"took too long"}`))
		}, "prometheus answers 503 (timeout): took too long"},
		"422": {func(w http.ResponseWriter) {
			w.WriteHeader(422)
			_, _ = w.Write([]byte(`{"errorType":"execution","error":"too many samples"}`))
		}, "422 (execution)"},
		"a redirect":    {func(w http.ResponseWriter) { w.Header().Set("Location", "http://127.0.0.1:1/"); w.WriteHeader(302) }, "prometheus answers 302"},
		"a broken body": {func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"status":"succ`)) }, "unexpected EOF"},
		"a hang-up":     {func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, "asking prometheus"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := true
			s := &script{memory: vectorOf(rowOf("etcd", "1e9")), cpu: vectorOf(rowOf("etcd", "1"))}
			s.refuse = func(w http.ResponseWriter, r *http.Request) bool {
				if broken {
					tc.refuse(w)
				}
				return broken
			}
			clock := fixed(noon)
			source := serve(t, s, Settings{}, clock)
			pause := firstBackOff
			for asked := 1; asked <= 3; asked++ {
				if _, _, err := read(t, source); err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("error %v, want %q", err, tc.wantErr)
				}
				clock.SetTime(clock.Now().Add(pause - 1)) // the shortest that it may be, without jitter
				if _, report, err := read(t, source); !errors.Is(err, sources.ErrHeld) || report.Queries != 0 {
					t.Fatalf("after failure %d it is asked again too early: %v", asked, err)
				}
				if s.asked() != asked {
					t.Fatalf("%d queries were sent, want %d", s.asked(), asked)
				}
				clock.SetTime(clock.Now().Add(time.Duration(jitter*float64(pause)) + 1)) // the longest
				pause *= 2
			}
			broken = false
			if lines, _, err := read(t, source); err != nil || len(lines) != 2 {
				t.Errorf("afterwards it gives %q (%v)", lines, err)
			}
			broken = true
			_, _, _ = read(t, source)
			clock.SetTime(clock.Now().Add(firstBackOff + time.Duration(jitter*float64(firstBackOff)) + 1))
			if _, _, err := read(t, source); errors.Is(err, sources.ErrHeld) {
				t.Errorf("a success does not end the doubling: %v", err)
			}
		})
	}
}

func TestRetryAfterIsHeededWithinBounds(t *testing.T) {
	for header, want := range map[string]time.Duration{"60": time.Minute, "86400": maxBackOff, "-1": firstBackOff, "soon": firstBackOff} {
		s := &script{refuse: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}}
		clock := fixed(noon)
		source := serve(t, s, Settings{}, clock)
		_, _, _ = read(t, source)
		clock.SetTime(noon.Add(want - 1))
		if _, _, err := read(t, source); !errors.Is(err, sources.ErrHeld) {
			t.Errorf("Retry-After: %s is not waited for: %v", header, err)
		}
		clock.SetTime(noon.Add(want + time.Duration(jitter*float64(firstBackOff)) + 1))
		if _, _, err := read(t, source); errors.Is(err, sources.ErrHeld) {
			t.Errorf("Retry-After: %s is waited for too long: %v", header, err)
		}
	}
}

func TestATimeoutIsAFailureAndACallersEndIsNone(t *testing.T) {
	s := &script{}
	s.refuse = func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	clock := fixed(noon)
	source := serve(t, s, Settings{Timeout: 20 * time.Millisecond}, clock)
	_, _, err := read(t, source)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "prometheus did not answer within 20ms") {
		t.Errorf("error %v", err)
	}
	if _, _, err := read(t, source); !errors.Is(err, sources.ErrHeld) {
		t.Errorf("after a timeout it is asked at once: %v", err)
	}

	other := serve(t, &script{refuse: s.refuse}, Settings{}, clock)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := other.Read(ctx, func(sources.Sample) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := other.Read(ctx, func(sources.Sample) {}); errors.Is(err, sources.ErrHeld) {
		t.Errorf("a caller that ends counts as a failure: %v", err)
	}
}

func TestQueriesKeepToTheirBudget(t *testing.T) {
	s := &script{memory: vectorOf(rowOf("etcd", "1e9")), cpu: vectorOf(rowOf("etcd", "1"))}
	clock := fixed(noon)
	source := serve(t, s, Settings{QueriesPerMinute: 6}, clock)
	for range 2 {
		if _, _, err := read(t, source); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := read(t, source); !errors.Is(err, sources.ErrHeld) || !strings.Contains(err.Error(), "its 6 queries a minute are used up") {
		t.Errorf("error %v", err)
	}
	clock.SetTime(noon.Add(30 * time.Second))
	if _, _, err := read(t, source); err != nil {
		t.Errorf("after half a minute: %v", err)
	}
	if s.asked() != 9 {
		t.Errorf("%d queries were sent, want 9", s.asked())
	}
}

func TestAnswersAreBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		settings Settings
		wantErr  string
	}{
		"in bytes":  {Settings{MaxBytes: 1 << 10}, "the answer is larger than allowed"},
		"in series": {Settings{MaxSeries: 10}, "more than 10 series"},
	} {
		t.Run(name, func(t *testing.T) {
			var rows []string
			for i := range 20 {
				rows = append(rows, rowOf(fmt.Sprintf("c%d", i), "1e9"))
			}
			lines, _, err := read(t, serve(t, &script{memory: vectorOf(rows...)}, tc.settings, fixed(noon)))
			if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
				t.Errorf("error %v, want %q", err, tc.wantErr)
			}
			if len(lines) == 0 || len(lines) > 10 {
				t.Errorf("%d samples are given, want those that came before", len(lines))
			}
		})
	}
}

func TestWhoAsksIsShown(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		settings Settings
		want     map[string]string
	}{
		"by a token":         {Settings{BearerTokenFile: secret}, map[string]string{"Authorization": "Bearer s3cret"}},
		"by a password":      {Settings{BasicAuth: BasicAuth{Username: "u", PasswordFile: secret}}, map[string]string{"Authorization": "Basic dTpzM2NyZXQ="}},
		"by a tenant's name": {Settings{Headers: []Header{{Name: "X-Scope-OrgID", Value: "fleet"}, {Name: "X-Key", ValueFile: secret}}}, map[string]string{"X-Scope-OrgID": "fleet", "X-Key": "s3cret"}},
		"below a path":       {Settings{Address: "/prometheus/"}, map[string]string{"User-Agent": "metapilot"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{memory: vectorOf(rowOf("etcd", "1e9")), cpu: vectorOf(rowOf("etcd", "1"))}
			if _, _, err := read(t, serve(t, s, tc.settings, fixed(noon))); err != nil {
				t.Fatal(err)
			}
			for header, want := range tc.want {
				if got := s.headers[0].Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
			if want := strings.TrimSuffix(tc.settings.Address, "/") + "/api/v1/query"; s.paths[0] != want {
				t.Errorf("asked at %s, want %s", s.paths[0], want)
			}
		})
	}
}

func TestATokenThatChangesIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	s := &script{}
	var source *Source
	for _, token := range []string{"one", "two"} {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if source == nil {
			source = serve(t, s, Settings{BearerTokenFile: file}, fixed(noon))
		}
		if _, _, err := read(t, source); err != nil {
			t.Fatal(err)
		}
		if got := s.headers[len(s.headers)-1].Get("Authorization"); got != "Bearer "+token {
			t.Errorf("sent %q, want the token %q", got, token)
		}
	}
}

func TestBothSidesProveWhoTheyAreByCertificates(t *testing.T) {
	dir := t.TempDir()
	authority, err := pki.NewAuthority("monitoring", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(dir, "ca.crt")
	if err := os.WriteFile(caFile, authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	issue := func(name string, hosts ...string) (certFile, keyFile string) {
		t.Helper()
		pair, err := authority.Issue(pki.Subject{User: name, Hosts: hosts})
		if err != nil {
			t.Fatal(err)
		}
		if certFile, keyFile, err = pair.Write(dir, name); err != nil {
			t.Fatal(err)
		}
		return certFile, keyFile
	}
	serverCert, serverKey := issue("server", "prometheus.monitoring")
	certFile, keyFile := issue("metapilot")
	certificate, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(authority.PEM())
	server := httptest.NewUnstartedServer(&script{memory: vectorOf(rowOf("etcd", "1e9")), cpu: vectorOf(rowOf("etcd", "1"))})
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)

	for name, tc := range map[string]struct {
		tls     TLS
		wantErr string
	}{
		"both":                        {TLS{CAFile: caFile, CertFile: certFile, KeyFile: keyFile, ServerName: "prometheus.monitoring"}, ""},
		"a client without one":        {TLS{CAFile: caFile, ServerName: "prometheus.monitoring"}, "certificate required"},
		"a server of another name":    {TLS{CAFile: caFile, CertFile: certFile, KeyFile: keyFile}, "cannot validate certificate"},
		"a server nobody vouches for": {TLS{CertFile: certFile, KeyFile: keyFile, ServerName: "prometheus.monitoring"}, "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			source, err := New(Settings{Address: server.URL, TLS: tc.tls}, fixed(noon))
			if err != nil {
				t.Fatal(err)
			}
			lines, _, err := read(t, source)
			if tc.wantErr == "" && (err != nil || len(lines) != 2) || tc.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tc.wantErr)) {
				t.Errorf("%d samples, error %v, want %q", len(lines), err, tc.wantErr)
			}
		})
	}
}
