package sandbox

import "context"

// kubeletLoop runs the simulated kubelet in this process.
type kubeletLoop struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (s *Sandbox) startKubelet(ctx context.Context) error {
	return nil
}

func (l *kubeletLoop) stop() {
	l.cancel()
	<-l.done
}
