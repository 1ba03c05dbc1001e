package sandbox

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/metapilot/metapilot/test/sandbox/kubelet"
)

// kubeletLoop is the simulated kubelet, which runs in this process: what happens to containers needs a mind, and one that
// tests can talk to.
type kubeletLoop struct {
	cancel  context.CancelFunc
	done    chan struct{}
	metrics *http.Server // what containers use, for Prometheus; nil without one
	port    int          // of metrics
}

// startKubelet runs the simulated kubelet of all nodes until stop. Its log is a file beside those of the processes.
func (s *Sandbox) startKubelet(ctx context.Context) error {
	log, err := os.OpenFile(s.files.log("kubelet"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("opening the kubelet's log: %w", err)
	}
	k := kubelet.New(kubelet.Config{
		Client:       s.client,
		ResizeDelay:  s.options.ResizeDelay,
		FirstBackOff: s.options.RestartBackOff,
		Log:          log,
	})
	loopCtx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // ctx is about starting only
	s.kubelet = &kubeletLoop{cancel: cancel, done: make(chan struct{})}
	ready, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(s.kubelet.done)
		defer func() { _ = log.Close() }()
		if err := k.Run(loopCtx, func() { close(ready) }); err != nil {
			failed <- fmt.Errorf("running the kubelet: %w", err)
		}
	}()
	select {
	case <-ready:
		if s.options.Prometheus {
			return s.kubelet.serve(k.Metrics(), s.signalsOf(k))
		}
		return nil
	case err := <-failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx) // Stop ends the loop
	}
}

// signalsPath is where the metrics of simulated components are.
const signalsPath = "/metrics/signals"

// serve serves what containers use at /metrics/cadvisor, and what simulated components tell at /metrics/signals, to anybody on
// this machine.
func (l *kubeletLoop) serve(metrics, signals http.Handler) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serving the containers' metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics/cadvisor", metrics)
	mux.Handle("GET "+signalsPath, signals)
	l.metrics = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	l.port = listener.Addr().(*net.TCPAddr).Port
	go func() { _ = l.metrics.Serve(listener) }() // until stop closes it
	return nil
}

func (l *kubeletLoop) stop() {
	if l.metrics != nil {
		_ = l.metrics.Close() // of a listener that is given up
	}
	l.cancel()
	<-l.done
}
