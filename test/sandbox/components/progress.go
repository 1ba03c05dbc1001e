package components

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	livePeriod  = time.Second      // how often the live line of a terminal counts
	plainPeriod = 30 * time.Second // how often a log gets a sign of life
)

// progress tells what is built and for how long: a live line on a terminal, plain lines elsewhere. It says nothing about a
// step shorter than one period, except that a program was built.
type progress struct {
	out     io.Writer
	subject string
	live    bool
	started time.Time

	mu   sync.Mutex
	step string

	stop    chan struct{}
	stopped chan struct{}
}

func newProgress(out io.Writer, subject string) *progress {
	if out == nil {
		out = io.Discard
	}
	return &progress{out: out, subject: subject, live: isTerminal(out)}
}

// begin names the step that is under way; the first one starts the clock. end must follow.
func (p *progress) begin(step string) {
	p.mu.Lock()
	p.step = step
	p.mu.Unlock()
	if p.stop == nil {
		p.started = time.Now()
		p.stop, p.stopped = make(chan struct{}), make(chan struct{})
		go p.run()
		return
	}
	if !p.live {
		p.say()
	}
}

// done reports the program as built.
func (p *progress) done() {
	p.mu.Lock()
	p.step = "built"
	p.mu.Unlock()
	p.say()
	if p.live {
		_, _ = fmt.Fprintln(p.out)
	}
}

// end stops the clock and waits until nothing more is written.
func (p *progress) end() {
	close(p.stop)
	<-p.stopped
}

func (p *progress) run() {
	defer close(p.stopped)
	period := plainPeriod
	if p.live {
		period = livePeriod
	}
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.say()
		}
	}
}

func (p *progress) say() {
	p.mu.Lock()
	defer p.mu.Unlock()
	elapsed := time.Since(p.started).Round(time.Second)
	if p.live {
		_, _ = fmt.Fprintf(p.out, "\r\033[K%s %s, %s", p.step, p.subject, elapsed)
		return
	}
	_, _ = fmt.Fprintf(p.out, "%s %s, %s\n", p.step, p.subject, elapsed)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
