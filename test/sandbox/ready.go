package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/metapilot/metapilot/test/sandbox/process"
)

const (
	readyTimeout = 90 * time.Second // generous: a busy machine is no reason to fail
	readyPoll    = 50 * time.Millisecond
	portAttempts = 5
)

// startServing starts a component on free ports, waits until it is ready and keeps it. If somebody was faster to take a
// port, it is started again on others.
//
// launch starts the process; ready says why it is not ready yet, or nil.
func (s *Sandbox) startServing(ctx context.Context, ports int, launch func(ports []int) (*running, error), ready func(ctx context.Context, ports []int) error) error {
	for attempt := 1; ; attempt++ {
		chosen, err := process.FreePorts(ports)
		if err != nil {
			return err
		}
		r, err := launch(chosen)
		if err != nil {
			return err
		}
		err = waitReady(ctx, r, func(ctx context.Context) error { return ready(ctx, chosen) })
		if err == nil {
			s.keep(r)
			return nil
		}
		if stopErr := r.Stop(stopGrace); stopErr != nil {
			return errors.Join(err, stopErr)
		}
		if attempt == portAttempts || !process.PortTaken(err) {
			return err
		}
		// The next attempt must not find this one's complaint at the end of the log.
		if err := os.Truncate(s.files.log(r.Name()), 0); err != nil {
			return fmt.Errorf("starting %s again: %w", r.Name(), err)
		}
	}
}

// waitReady polls ready until it holds, the process dies, or it takes too long; the errors hold the end of the log.
func waitReady(ctx context.Context, r *running, ready func(context.Context) error) error {
	timeout := time.NewTimer(readyTimeout)
	defer timeout.Stop()
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		probe, cancel := context.WithTimeout(ctx, 5*time.Second)
		why := ready(probe)
		cancel()
		if why == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", r.Name(), context.Cause(ctx))
		case <-r.Exited():
			return r.Err()
		case <-timeout.C:
			return fmt.Errorf("%s is not ready after %s: %w; the end of its log:\n%s", r.Name(), readyTimeout, why, r.LogTail())
		case <-ticker.C:
		}
	}
}

// getter asks servers on the loopback for a path, as the administrator.
type getter struct{ client *http.Client }

func newGetter(creds *credentials) (*getter, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(creds.ca.PEM())
	certificate, err := tls.LoadX509KeyPair(creds.kubeletClientCert, creds.kubeletClKey)
	if err != nil {
		return nil, fmt.Errorf("loading the probe's certificate: %w", err)
	}
	return &getter{client: &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
		Proxy:             nil, // the loopback is never behind one
	}}}, nil
}

// ok returns nil if the answer is 200, else what it was.
func (g *getter) ok(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	response, err := g.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 2<<10)) // only to explain the status
		return fmt.Errorf("%s answers %s: %s", url, response.Status, body)
	}
	return nil
}
