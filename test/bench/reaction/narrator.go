package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// narrator says what goes on, with the time since the start.
type narrator struct {
	start time.Time

	mu  sync.Mutex
	out io.Writer
}

func newNarrator(out io.Writer) *narrator { return &narrator{out: out, start: time.Now()} }

// title begins a part.
func (n *narrator) title(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.out, "\n%s\n", fmt.Sprintf(format, args...))
}

// say tells something; further lines are indented as the first.
func (n *narrator) say(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := fmt.Sprintf("%6.1f s  ", time.Since(n.start).Seconds())
	for i, line := range strings.Split(fmt.Sprintf(format, args...), "\n") {
		if i > 0 {
			at = strings.Repeat(" ", len(at))
		}
		fmt.Fprintf(n.out, "%s%s\n", at, line)
	}
}
