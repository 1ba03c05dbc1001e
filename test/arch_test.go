// Package test holds the tests that judge the repository as a whole.
package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/go/packages"
	"sigs.k8s.io/yaml"
)

// module is this module's path. Its packages are called ./folder here.
const module = "github.com/metapilot/metapilot"

// pure are the packages that take values and return values. The rule "pure" of .golangci.yml names the same folders.
var pure = []string{
	"./apis/decision",
	"./controllers/plan",
	"./estimators",
	"./profiles", // profiles/vpa is not: VPA's model package imports its clientset, klog and metrics
	"./scalers/oom",
	"./scalers/use",
	"./size",
}

// computing is what a pure package may itself import of the standard library. What that imports in its turn is not judged:
// fmt reaches os. A package that only computes may be added.
var computing = []string{
	"cmp", "encoding/binary", "errors", "fmt", "hash/crc32", "iter", "maps", "math", "math/bits", "slices", "sort", "strconv",
	"strings", "time", "unicode",
}

// clock are the names in package time that read the clock or wait for it.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// node is one package: what it imports directly, and where it reads the clock.
type node struct {
	imports    []string
	clockReads []string
}

// graph is every package that the module's own packages reach, by path.
type graph map[string]node

func TestDependenciesPointInward(t *testing.T) {
	for _, line := range judge(load(t), pure) {
		t.Error(line)
	}
}

// TestJudgeSeesWhatIsWrong breaks each rule once.
func TestJudgeSeesWhatIsWrong(t *testing.T) {
	tests := map[string]struct {
		tree graph
		want []string
	}{
		"a tree that keeps the rules": {
			tree: graph{
				"./estimators":                {imports: []string{"./size", "fmt"}},
				"./size":                      {},
				"./controllers/clusterscaler": {imports: []string{"./estimators", "./apis/v1alpha1", "k8s.io/client-go/kubernetes"}},
				"./apis/v1alpha1":             {imports: []string{"./apis/decision", "k8s.io/apimachinery/pkg/runtime"}},
				"./cmd/metapilot":             {imports: []string{"./controllers/clusterscaler"}},
				"./cmd/sandbox":               {imports: []string{"./test/sandbox"}},
			},
		},
		"a pure package that does I/O": {
			tree: graph{"./estimators": {imports: []string{"net/http"}}, "./size": {}},
			want: []string{"./estimators is pure and imports net/http, which does more than compute"},
		},
		"a pure package with a client, three packages away": {
			tree: graph{
				"./estimators":                {imports: []string{"./size"}},
				"./size":                      {imports: []string{"example.org/units"}},
				"example.org/units":           {imports: []string{"k8s.io/client-go/kubernetes"}},
				"k8s.io/client-go/kubernetes": {},
			},
			want: []string{
				"./estimators is pure and reaches example.org/units: ./estimators → ./size → example.org/units",
				"./estimators is pure and reaches k8s.io/client-go/kubernetes: ./estimators → ./size → example.org/units → k8s.io/client-go/kubernetes",
				"./size is pure and reaches example.org/units: ./size → example.org/units",
				"./size is pure and reaches k8s.io/client-go/kubernetes: ./size → example.org/units → k8s.io/client-go/kubernetes",
			},
		},
		"a pure package that knows the API's objects": {
			tree: graph{"./estimators": {imports: []string{"./apis/v1alpha1"}}, "./size": {}, "./apis/v1alpha1": {}},
			want: []string{"./estimators is pure and reaches ./apis/v1alpha1: ./estimators → ./apis/v1alpha1"},
		},
		"a pure package that tells the time": {
			tree: graph{"./estimators": {clockReads: []string{"./estimators/oom.go:7: time.Now"}}, "./size": {}},
			want: []string{"./estimators is pure and reads the clock: ./estimators/oom.go:7: time.Now"},
		},
		"a pure package that is gone": {
			tree: graph{"./size": {}},
			want: []string{"./estimators is listed as pure and does not exist"},
		},
		"an import of a command": {
			tree: graph{"./size": {}, "./estimators": {}, "./controllers/fleet": {imports: []string{"./cmd/metapilot/flags"}}},
			want: []string{"./controllers/fleet imports ./cmd/metapilot/flags: nothing imports a command"},
		},
		"a product package that imports the tests' own": {
			tree: graph{"./size": {}, "./estimators": {}, "./cmd/metapilot": {imports: []string{"./test/sandbox"}}},
			want: []string{"./cmd/metapilot imports ./test/sandbox: the product does without what tests it"},
		},
		"an API package that imports what acts on it": {
			tree: graph{"./size": {}, "./estimators": {}, "./apis/v1alpha1": {imports: []string{"./controllers/fleet"}}},
			want: []string{"./apis/v1alpha1 imports ./controllers/fleet: the API knows only itself, and sizes"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, judge(tc.tree, []string{"./estimators", "./size"})); diff != "" {
				t.Errorf("judge() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClockReadsAreSeen(t *testing.T) {
	const source = `package p
import clock "time"
var now = clock.Now
func f(t clock.Time) clock.Duration { return clock.Since(t) + clock.Second }
`
	want := []string{"p.go:3: time.Now", "p.go:4: time.Since"}
	got, err := clockReads("p.go", source)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clockReads() (-want +got):\n%s", diff)
	}
}

func TestLintNamesTheSamePurePackages(t *testing.T) {
	data, err := os.ReadFile("../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]struct {
						Files []string `json:"files"`
					} `json:"rules"`
				} `json:"depguard"`
			} `json:"settings"`
		} `json:"linters"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, file := range config.Linters.Settings.Depguard.Rules["pure"].Files {
		if folder, ok := strings.CutPrefix(file, "**/"); ok {
			folder = strings.TrimSuffix(folder, "/*.go") // a package without those below it
			got = append(got, "./"+strings.TrimSuffix(folder, "/**"))
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(pure, got); diff != "" {
		t.Errorf("the rule \"pure\" of .golangci.yml (-want +got):\n%s", diff)
	}
}

// TestNoPackageVariableChanges lets a package variable be a table, but never state.
func TestNoPackageVariableChanges(t *testing.T) {
	config := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports,
		Dir:  "..",
	}
	roots, err := packages.Load(config, "./...")
	if err != nil {
		t.Fatal(err)
	}
	if packages.PrintErrors(roots) > 0 {
		t.Fatal("the module does not type-check")
	}
	for _, p := range roots {
		for _, line := range changes(p.Fset, p.Syntax, p.TypesInfo) {
			t.Error(line)
		}
	}
}

func TestChangesOfPackageVariablesAreSeen(t *testing.T) {
	const source = `package p
var table = map[string]int{"a": 1}
var count int
var state struct{ n []int }
func f() {
	table["b"] = 2
	count++
	state.n[0], count = 1, 2
	table := map[string]int{}
	table["c"] = 3
	_ = &count
}
`
	want := []string{
		"p.go:6: table changes", "p.go:7: count changes", "p.go:8: state changes", "p.go:8: count changes", "p.go:11: count changes",
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	if _, err := (&types.Config{}).Check("p", files, []*ast.File{file}, info); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, changes(files, []*ast.File{file}, info)); diff != "" {
		t.Errorf("changes() (-want +got):\n%s", diff)
	}
}

// changes are the places at which functions assign to a package variable or to a part of one, or take its address. Generated files are left out.
func changes(files *token.FileSet, syntax []*ast.File, info *types.Info) []string {
	var out []string
	look := func(e ast.Expr) {
		if v, ok := info.Uses[root(e, info)].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
			position := files.Position(e.Pos())
			out = append(out, fmt.Sprintf("%s:%d: %s changes", position.Filename, position.Line, v.Name()))
		}
	}
	for _, file := range syntax {
		if ast.IsGenerated(file) {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					look(e)
				}
			case *ast.IncDecStmt:
				look(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					look(n.X)
				}
			}
			return true
		})
	}
	return out
}

// root is the variable that an expression is a part of: state of state.n[0]. It is nil when there is none.
func root(e ast.Expr, info *types.Info) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok {
				if _, ok := info.Uses[id].(*types.PkgName); ok {
					return x.Sel
				}
			}
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// judge returns what is wrong with the tree, a line each, sorted.
func judge(tree graph, pure []string) []string {
	var wrong []string
	for _, name := range pure {
		n, ok := tree[name]
		if !ok {
			wrong = append(wrong, name+" is listed as pure and does not exist")
			continue
		}
		for _, read := range n.clockReads {
			wrong = append(wrong, fmt.Sprintf("%s is pure and reads the clock: %s", name, read))
		}
		wrong = append(wrong, impure(tree, pure, name)...)
	}
	for name, n := range tree {
		for _, imported := range n.imports {
			if why := forbidden(name, imported); why != "" {
				wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", name, imported, why))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// impure returns what a pure package reaches and must not: of the standard library what itself imports, of all else
// whatever is not in the ring, each with the shortest way there.
func impure(tree graph, pure []string, name string) []string {
	var wrong []string
	ways := map[string]string{name: name}
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		from := queue[0]
		for _, imported := range tree[from].imports {
			if _, seen := ways[imported]; seen {
				continue
			}
			if standardLibrary(imported) {
				if from == name && !slices.Contains(computing, imported) {
					wrong = append(wrong, fmt.Sprintf("%s is pure and imports %s, which does more than compute", name, imported))
				}
				continue
			}
			ways[imported] = ways[from] + " → " + imported
			queue = append(queue, imported)
			if !slices.Contains(pure, imported) {
				wrong = append(wrong, fmt.Sprintf("%s is pure and reaches %s: %s", name, imported, ways[imported]))
			}
		}
	}
	return wrong
}

// forbidden says why a package may not import another, whatever it is; "" when it may.
func forbidden(name, imported string) string {
	product := !within(name, "./test") && !within(name, "./cmd/sandbox")
	switch {
	case within(imported, "./cmd") && !within(name, "./cmd"):
		return "nothing imports a command"
	case within(imported, "./test") && product:
		return "the product does without what tests it"
	case within(name, "./apis") && ours(imported) && !within(imported, "./apis") && !within(imported, "./size"):
		return "the API knows only itself, and sizes"
	}
	return ""
}

func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

func ours(name string) bool { return strings.HasPrefix(name, "./") }

// standardLibrary tells it by the form of the path: the first element of any other has a dot.
func standardLibrary(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".")
}

// load reads the module's packages, without their tests, and all that they import.
func load(t *testing.T) graph {
	t.Helper()
	config := &packages.Config{Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps, Dir: ".."}
	roots, err := packages.Load(config, "./...")
	if err != nil {
		t.Fatal(err)
	}
	if packages.PrintErrors(roots) > 0 {
		t.Fatal("the module does not load")
	}
	tree := graph{}
	packages.Visit(roots, nil, func(p *packages.Package) {
		n := node{}
		for imported := range p.Imports {
			n.imports = append(n.imports, shorten(imported))
		}
		slices.Sort(n.imports)
		name := shorten(p.PkgPath)
		if slices.Contains(pure, name) {
			for _, file := range p.GoFiles {
				reads, err := clockReads(name+"/"+path.Base(file), readFile(t, file))
				if err != nil {
					t.Fatal(err)
				}
				n.clockReads = append(n.clockReads, reads...)
			}
		}
		tree[name] = n
	})
	return tree
}

func shorten(path string) string {
	if folder, ok := strings.CutPrefix(path, module+"/"); ok {
		return "./" + folder
	}
	return path
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// clockReads are the mentions of the clock in a file: "file:line: time.Now". A call is not needed, a mention is enough.
func clockReads(name, source string) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	local := "" // what the file calls package time
	for _, spec := range file.Imports {
		if imported, err := strconv.Unquote(spec.Path.Value); err == nil && imported == "time" {
			local = "time"
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	var reads []string
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && local != "" && x.Name == local && slices.Contains(clock, selector.Sel.Name) {
			position := files.Position(selector.Pos())
			reads = append(reads, fmt.Sprintf("%s:%d: time.%s", position.Filename, position.Line, selector.Sel.Name))
		}
		return true
	})
	return reads, nil
}
