package show

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Format is how an answer is written.
type Format string

// The formats. Which of them a verb knows is the verb's to say.
const (
	// FormatTable is for a terminal, as narrow as can be.
	FormatTable Format = "table"
	// FormatWide is a table with every column.
	FormatWide Format = "wide"
	// FormatJSON is one JSON document.
	FormatJSON Format = "json"
	// FormatYAML is the same document in YAML.
	FormatYAML Format = "yaml"
	// FormatCSV is for a spreadsheet: every column, exact numbers and times.
	FormatCSV Format = "csv"
	// FormatMarkdown is a table for an issue or a page.
	FormatMarkdown Format = "markdown"
	// FormatHTML is one self-contained page.
	FormatHTML Format = "html"
)

// ParseFormat reads a format that is one of those known; the first is meant by "".
func ParseFormat(text string, known []Format) (Format, error) {
	if text == "" {
		return known[0], nil
	}
	if f := Format(text); slices.Contains(known, f) {
		return f, nil
	}
	return "", fmt.Errorf("-o %s is not known here: write one of %s", text, strings.Join(Names(known), ", "))
}

// Names gives the formats as words.
func Names(formats []Format) []string {
	names := make([]string, 0, len(formats))
	for _, f := range formats {
		names = append(names, string(f))
	}
	return names
}

// Document writes a value as JSON or YAML.
func Document(w io.Writer, format Format, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	data = append(data, '\n')
	if format == FormatYAML {
		if data, err = yaml.JSONToYAML(data); err != nil {
			return fmt.Errorf("writing YAML: %w", err)
		}
	}
	_, err = w.Write(data)
	return err
}
