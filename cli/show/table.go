package show

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tone is how a cell is meant; on a terminal it is a colour.
type Tone int

// The tones.
const (
	// Plain has no colour.
	Plain Tone = iota
	// Good is as it should be.
	Good
	// Notable is worth a look.
	Notable
	// Bad needs a person.
	Bad
	// Faint is of little weight.
	Faint
)

// Unknown is written where something is not known.
const Unknown = "-"

// Paint gives the text in the colour of its tone.
func Paint(text string, tone Tone, colour bool) string {
	codes := [...]string{Plain: "", Good: "32", Notable: "33", Bad: "31", Faint: "2"}
	if !colour || text == "" || codes[tone] == "" {
		return text
	}
	return "\x1b[" + codes[tone] + "m" + text + "\x1b[0m"
}

// Cell is one value of a table.
type Cell struct {
	// Text is for people; "" is written as [Unknown].
	Text string
	// Data is for programs, such as a time in full; where it is "", Text is taken. In CSV what is not known is empty.
	Data string
	// Tone is how it is meant.
	Tone Tone
}

// Text makes a plain cell.
func Text(text string) Cell { return Cell{Text: text} }

// Column is one column of a table.
type Column struct {
	// Name is its head, in capitals.
	Name string
	// Wide columns are left out of [FormatTable].
	Wide bool
	// Right columns hold numbers.
	Right bool
}

// Table is columns and rows; every row has a cell for each column.
type Table struct {
	Columns []Column
	Rows    [][]Cell
}

// Write writes the table as a table, wide, as CSV or as Markdown.
func (t Table) Write(w io.Writer, format Format, colour bool) error {
	out := bufio.NewWriter(w)
	switch format {
	case FormatCSV:
		if err := t.csv(out); err != nil {
			return err
		}
	case FormatMarkdown:
		t.markdown(out)
	case FormatTable, FormatWide:
		t.aligned(out, format == FormatWide, colour)
	default:
		return fmt.Errorf("a table cannot be written as %s", format)
	}
	return out.Flush()
}

func (t Table) aligned(w io.Writer, wide, colour bool) {
	var columns []int
	for i, c := range t.Columns {
		if wide || !c.Wide {
			columns = append(columns, i)
		}
	}
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = utf8.RuneCountInString(c.Name)
		for _, row := range t.Rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].said()))
		}
	}
	line := func(cell func(i int) Cell) {
		var b strings.Builder
		for n, i := range columns {
			c := cell(i)
			text := c.said()
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			switch painted := Paint(text, c.Tone, colour); {
			case t.Columns[i].Right:
				b.WriteString(padding + painted)
			case n == len(columns)-1:
				b.WriteString(painted)
			default:
				b.WriteString(painted + padding)
			}
			if n < len(columns)-1 {
				b.WriteString("   ")
			}
		}
		fmt.Fprintln(w, b.String())
	}
	line(func(i int) Cell { return Text(t.Columns[i].Name) })
	for _, row := range t.Rows {
		line(func(i int) Cell { return row[i] })
	}
}

func (t Table) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	line := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		line[i] = strings.ReplaceAll(strings.ToLower(c.Name), " ", "_")
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for _, row := range t.Rows {
		for i, c := range row {
			line[i] = c.data()
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (t Table) markdown(w io.Writer) {
	heads, rules := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i], rules[i] = strings.ToLower(c.Name), "---"
		if c.Right {
			rules[i] = "---:"
		}
	}
	fmt.Fprintf(w, "| %s |\n| %s |\n", strings.Join(heads, " | "), strings.Join(rules, " | "))
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = MarkdownText(c.said())
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

// MarkdownText gives text that is nothing but text in Markdown.
func MarkdownText(text string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "*", `\*`, "`", "\\`").Replace(OneLine(text))
}

func (c Cell) said() string {
	if c.Text == "" {
		return Unknown
	}
	return OneLine(c.Text)
}

// data is the cell for a spreadsheet. A text that a spreadsheet would take for a formula is marked as text.
func (c Cell) data() string {
	text := c.Data
	if text == "" && c.Text != Unknown {
		text = c.Text
	}
	text = OneLine(text)
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return "'" + text
		}
	}
	return text
}

// OneLine gives the text in one line, without what a terminal would obey.
func OneLine(text string) string {
	text = strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\n", "; ")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		default:
			return r
		}
	}, text)
}
