package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Whoever is on call looks up the word that they see: every verdict, gate, reason and class of a kill is in the concepts.
func TestEveryWordOfADecisionIsExplained(t *testing.T) {
	concepts := page(t, "docs/concepts.md")
	file, err := parser.ParseFile(token.NewFileSet(), "../apis/decision/decision.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	words := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		word, err := strconv.Unquote(literal.Value)
		if err != nil {
			return true
		}
		words++
		if !strings.Contains(concepts, "`"+word+"`") {
			t.Errorf("docs/concepts.md does not explain %s, `%s`", spec.Names[0], word)
		}
		return true
	})
	if words < 30 {
		t.Errorf("only %d words found: does the test still read the constants?", words)
	}
}

// The names of tests, as docs/incidents.md has them: FILE: `NAME`, where NAME is a Go test, or a text of a spec or a case.
var (
	testFile = regexp.MustCompile("`([a-z][a-z0-9/_-]*_test\\.go)`")
	quoted   = regexp.MustCompile("`([^`]+)`")
)

// A table that names tests is only worth something while they exist.
func TestEveryTestThatIncidentsNamesExists(t *testing.T) {
	found := 0
	for i, line := range strings.Split(page(t, "docs/incidents.md"), "\n") {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(line, "|")
		last := cells[len(cells)-2]
		places := testFile.FindAllStringSubmatchIndex(last, -1)
		for j, at := range places {
			end := len(last)
			if j+1 < len(places) {
				end = places[j+1][0]
			}
			name := last[at[2]:at[3]]
			source, err := os.ReadFile(filepath.Join("..", name))
			if err != nil {
				t.Errorf("line %d: %v", i+1, err)
				continue
			}
			tests := quoted.FindAllStringSubmatch(last[at[1]:end], -1)
			if len(tests) == 0 {
				t.Errorf("line %d: no test of %s is named", i+1, name)
			}
			for _, test := range tests {
				found++
				if !strings.Contains(string(source), "func "+test[1]+"(") && !strings.Contains(string(source), strconv.Quote(test[1])) {
					t.Errorf("line %d: %s has no test `%s`", i+1, name, test[1])
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d tests found: does the test still read the table?", found)
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]+)?\)`)

// Links between pages lead somewhere: the file is there, and so is the heading. In docs/api.md, which is generated, headings
// are left out: it links to those of package decision, of which it has none.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	var pages []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != "..":
			return fs.SkipDir
		case strings.HasSuffix(path, ".md"):
			pages = append(pages, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 3 {
		t.Fatalf("only %q found", pages)
	}
	for _, from := range pages {
		for _, m := range link.FindAllStringSubmatch(page(t, strings.TrimPrefix(from, "../")), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to := from
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(from), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", from, m[1])
			} else if m[2] != "" && filepath.Base(from) != "api.md" && !hasHeading(page(t, strings.TrimPrefix(to, "../")), m[2][1:]) {
				t.Errorf("%s links to %s%s, but there is no such heading", from, m[1], m[2])
			}
		}
	}
}

// notInAnchor is what GitHub leaves out of a heading's anchor.
var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

func hasHeading(text, anchor string) bool {
	for _, line := range strings.Split(text, "\n") {
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
			plain := notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			if strings.ReplaceAll(plain, " ", "-") == anchor {
				return true
			}
		}
	}
	return false
}
