package sandbox

import (
	"context"
	"fmt"
	"os"

	"github.com/metapilot/metapilot/test/sandbox/kubelet"
)

// kubeletLoop is the simulated kubelet, which runs in this process: what happens to containers needs a mind, and one that
// tests can talk to.
type kubeletLoop struct {
	cancel context.CancelFunc
	done   chan struct{}
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
		return nil
	case err := <-failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx) // Stop ends the loop
	}
}

func (l *kubeletLoop) stop() {
	l.cancel()
	<-l.done
}
