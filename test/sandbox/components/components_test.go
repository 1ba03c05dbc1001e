package components

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheTableNamesTheVersionsOfTheModules(t *testing.T) {
	for _, c := range table {
		files, err := moduleFiles(c)
		if err != nil {
			t.Fatal(err)
		}
		if want := c.pinned + " " + c.version; !strings.Contains(string(files["go.mod"]), want) {
			t.Errorf("%s: its go.mod does not require %s; change table.go together with the module", c.name, want)
		}
		if len(files["go.sum"]) == 0 {
			t.Errorf("%s: its module has no go.sum", c.name)
		}
		if !strings.Contains(string(files["go.mod"]), "module github.com/metapilot/metapilot/test/sandbox/components/"+c.module) {
			t.Errorf("%s: its module has another name", c.name)
		}
	}
}

func TestTheProgramsPathChangesWithWhatGoesIntoIt(t *testing.T) {
	base := table[1]
	want, err := programPath("cache", base)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := programPath("cache", base); err != nil || again != want {
		t.Errorf("the same program is at %s and at %s (%v)", want, again, err)
	}
	for name, change := range map[string]func(*component){
		"linker flags": func(c *component) { c.linkerFlags += " -X a=b" },
		"set of tags":  func(c *component) { c.tags = "netgo" },
		"package":      func(c *component) { c.pkg += "/other" },
		"version":      func(c *component) { c.version = "v1.0.0" },
		"module":       func(c *component) { c.module = "kwok" },
	} {
		c := base
		change(&c)
		got, err := programPath("cache", c)
		if err != nil {
			t.Fatal(err)
		}
		if got == want {
			t.Errorf("another %s gives the same path", name)
		}
	}
}

func TestPartsThatRunTogetherHashDifferently(t *testing.T) {
	if hashOf("ab", "c") == hashOf("a", "bc") {
		t.Error("where a part ends does not matter")
	}
}

func TestAnUnknownNameIsAnErrorThatListsTheNames(t *testing.T) {
	_, err := (&Builder{Dir: t.TempDir()}).Build(context.Background(), "kubelet")
	if err == nil || !strings.Contains(err.Error(), `no component "kubelet"`) || !strings.Contains(err.Error(), "kube-apiserver") {
		t.Errorf("error is %v", err)
	}
}

// fakeGo puts a program named go first in PATH.
func fakeGo(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// writeOutput is a compiler that writes its -o file.
const writeOutput = `while [ "$1" != -o ]; do shift; done; echo program > "$2"; echo built >> "$LOG"`

func TestAMissingProgramIsBuiltOnceByAllWhoWantIt(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv("LOG", log)
	fakeGo(t, "sleep 0.3\n"+writeOutput)
	dir := t.TempDir()
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() {
			paths, err := (&Builder{Dir: dir}).Build(context.Background(), Etcd)
			if err == nil && !exists(paths[Etcd]) {
				err = errors.New("the program is not there")
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if content, err := os.ReadFile(log); err != nil || string(content) != "built\n" {
		t.Errorf("the compiler ran for %q (%v)", content, err)
	}
}

func TestAFailedBuildShowsTheEndOfTheCompilersOutputAndLeavesNoProgram(t *testing.T) {
	fakeGo(t, "seq 1 5000; echo undefined: foo >&2; exit 2")
	dir := t.TempDir()
	_, err := (&Builder{Dir: dir}).Build(context.Background(), Etcd)
	if err == nil || !strings.Contains(err.Error(), "undefined: foo") || len(err.Error()) > 2*errorTailBytes {
		t.Errorf("error is %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "bin", "*.partial")); len(left) > 0 {
		t.Errorf("left is %v", left)
	}
	if missing, err := (&Builder{Dir: dir}).Missing(Etcd); err != nil || len(missing) != 1 {
		t.Errorf("missing is %v (%v)", missing, err)
	}
}

func TestABuildEndsWithItsContext(t *testing.T) {
	fakeGo(t, "trap 'kill $!; exit 1' INT; sleep 60 & wait")
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := (&Builder{Dir: t.TempDir()}).Build(ctx, Etcd)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
}

func TestProgressNamesTheComponentAndItsPlace(t *testing.T) {
	t.Setenv("LOG", os.DevNull)
	fakeGo(t, writeOutput)
	var out bytes.Buffer
	if _, err := (&Builder{Dir: t.TempDir(), Progress: &out}).Build(context.Background(), Etcd, Kwok); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"building etcd v3.7.3 (1 of 2)", "built kwok v0.8.0 (2 of 2)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
}

func TestTheSourceOfAComponentIsReadFromItsModule(t *testing.T) {
	module := t.TempDir()
	if err := os.MkdirAll(filepath.Join(module, "deploy"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(module, "deploy", "crd.yaml"), []byte("kind: CustomResourceDefinition"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MODULE", module)
	fakeGo(t, `[ "$*" = "mod download -json `+vpaModule+`" ] && printf '{"Dir": "%s"}' "$MODULE"`)
	b := &Builder{Dir: t.TempDir()}
	content, err := b.Source(context.Background(), VPARecommender, "deploy/crd.yaml")
	if err != nil || string(content) != "kind: CustomResourceDefinition" {
		t.Errorf("the source is %q (%v)", content, err)
	}
	if _, err := b.Source(context.Background(), VPARecommender, "deploy/none.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error of a missing file is %v", err)
	}
}

func TestASourceThatIsNotToBeHadIsAnErrorThatSaysWhy(t *testing.T) {
	fakeGo(t, `echo '{"Error": "no such version"}'; exit 1`)
	_, err := (&Builder{Dir: t.TempDir()}).Source(context.Background(), VPAUpdater, "LICENSE")
	if err == nil || !strings.Contains(err.Error(), "no such version") {
		t.Errorf("error is %v", err)
	}
	fakeGo(t, "exit 1")
	if _, err := (&Builder{Dir: t.TempDir()}).Source(context.Background(), VPAUpdater, "LICENSE"); err == nil {
		t.Error("an answer that is none is no error")
	}
}
