package explain

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/metapilot/metapilot/cli/history"
	"github.com/metapilot/metapilot/cli/show"
)

// nameWidth is the room for the names of steps.
const nameWidth = len("Estimates")

// sign is what a mark looks like.
func (m Mark) sign() (sign string, tone show.Tone) {
	switch m {
	case MarkPassed:
		return "✓", show.Good
	case MarkHeld:
		return "✗", show.Bad
	case MarkSkipped:
		return "»", show.Faint
	case MarkUnknown:
		return "?", show.Notable
	case MarkFaint:
		return " ", show.Faint
	default:
		return " ", show.Plain
	}
}

// Text writes chains for a terminal.
func Text(w io.Writer, chains []Chain, colour bool) error {
	out := bufio.NewWriter(w)
	for i, c := range chains {
		if i > 0 {
			fmt.Fprintln(out)
		}
		c.text(out, colour)
	}
	return out.Flush()
}

func (c Chain) text(w io.Writer, colour bool) {
	fmt.Fprintln(w, c.title(func(s string) string { return show.Paint(s, history.VerdictTone(c.Verdict), colour) }))
	if c.Message != "" {
		fmt.Fprintf(w, "%s\n", show.OneLine(c.Message))
	}
	for _, step := range c.Steps {
		fmt.Fprintln(w)
		width := 0
		for _, l := range step.Lines {
			width = max(width, utf8.RuneCountInString(l.Label))
		}
		for i, l := range step.Lines {
			name := ""
			if i == 0 {
				name = step.Name
			}
			sign, tone := l.Mark.sign()
			label := ""
			if width > 0 {
				label = l.Label + strings.Repeat(" ", width-utf8.RuneCountInString(l.Label)+2)
			}
			line := fmt.Sprintf("  %-*s  %s %s%s", nameWidth, name, show.Paint(sign, tone, colour), label, painted(l, colour))
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
	if c.LastChange != nil {
		fmt.Fprintln(w, "\nthe last change:")
		c.LastChange.text(w, colour)
	}
}

// painted colours the text only of what holds, is not known, or is an aside; else a chain would be all green.
func painted(l Line, colour bool) string {
	text := show.OneLine(l.Text)
	_, tone := l.Mark.sign()
	if tone == show.Good {
		return text
	}
	return show.Paint(text, tone, colour)
}

func (c Chain) title(paint func(string) string) string {
	title := fmt.Sprintf("%s/%s", c.Tenant, c.Component)
	if c.Verdict != "" {
		title += fmt.Sprintf("  %s %s", paint(string(c.Verdict)), c.Reason)
	}
	title += fmt.Sprintf("  (ClusterScaler %s, mode %s", c.Scaler, c.Mode)
	if c.Record != "" {
		title += ", record " + c.Record
	}
	return title + ")"
}

// Markdown writes chains for an issue or a page.
func Markdown(w io.Writer, chains []Chain) error {
	out := bufio.NewWriter(w)
	for _, c := range chains {
		c.markdown(out)
	}
	return out.Flush()
}

func (c Chain) markdown(w io.Writer) {
	fmt.Fprintf(w, "### %s\n\n%s\n\n", show.MarkdownText(c.title(func(s string) string { return s })), show.MarkdownText(c.Message))
	for _, step := range c.Steps {
		fmt.Fprintf(w, "* **%s**\n", step.Name)
		for _, l := range step.Lines {
			sign, _ := l.Mark.sign()
			fmt.Fprintf(w, "  * %s\n", strings.TrimSpace(strings.TrimSpace(sign+" "+l.Label)+" "+show.MarkdownText(l.Text)))
		}
	}
	fmt.Fprintln(w)
	if c.LastChange != nil {
		fmt.Fprintln(w, "The last change:")
		fmt.Fprintln(w)
		c.LastChange.markdown(w)
	}
}
