package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// narrator tells the story: with colours on a terminal, plain elsewhere. It remembers the checks that did not hold.
type narrator struct {
	out    io.Writer
	colour bool
	scene  int
	start  time.Time
	failed []string
	held   int
}

func newNarrator(out *os.File) *narrator {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	_, noColour := os.LookupEnv("NO_COLOR")
	return &narrator{out: out, colour: terminal && !noColour, start: time.Now()}
}

// The codes of ANSI terminals.
const (
	bold  = "1"
	green = "32"
	red   = "31"
)

func (n *narrator) paint(code, s string) string {
	if !n.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// title begins a scene.
func (n *narrator) title(format string, args ...any) {
	n.scene++
	fmt.Fprintf(n.out, "\n%s\n", n.paint(bold, fmt.Sprintf("%d. %s", n.scene, fmt.Sprintf(format, args...))))
}

// say tells something.
func (n *narrator) say(format string, args ...any) {
	for _, line := range strings.Split(fmt.Sprintf(format, args...), "\n") {
		fmt.Fprintf(n.out, "   %s\n", line)
	}
}

// check tells whether something holds, and remembers it if it does not.
func (n *narrator) check(ok bool, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if ok {
		n.held++
		fmt.Fprintf(n.out, "   %s %s\n", n.paint(green, "✓"), what)
		return
	}
	n.failed = append(n.failed, what)
	fmt.Fprintf(n.out, "   %s %s\n", n.paint(red, "✗"), what)
}

// table shows rows in columns; the first row is the header.
func (n *narrator) table(rows [][]string) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 4, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a Builder does not fail
	n.say("%s", strings.TrimRight(text.String(), "\n"))
}

// end tells how it went.
func (n *narrator) end() error {
	took := time.Since(n.start).Round(time.Second)
	if len(n.failed) == 0 {
		fmt.Fprintf(n.out, "\n%s\n", n.paint(green, fmt.Sprintf("All %d checks held, in %s.", n.held, took)))
		return nil
	}
	return fmt.Errorf("%d of %d checks did not hold:\n  %s", len(n.failed), n.held+len(n.failed), strings.Join(n.failed, "\n  "))
}
