package components

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

//go:embed modules
var modules embed.FS

// errorTailBytes is how much of the compiler's output an error carries.
const errorTailBytes = 4 << 10

// interruptGrace is how long an interrupted compiler may take to end.
const interruptGrace = 10 * time.Second

// Builder builds components into a cache folder. The zero value uses the user's cache folder and says nothing.
type Builder struct {
	// Dir is the cache folder; "" means metapilot/components in the user's cache folder (XDG_CACHE_HOME, else ~/.cache).
	Dir string

	// Progress gets one line per program that is really built; a terminal gets a line that counts. nil is silent.
	Progress io.Writer
}

// Build returns the paths of the named programs by name, building those that are missing.
//
// A program is looked up by name, version and a key over go.mod, go.sum, main.go, package, linker flags, build tags, Go
// version and platform. It becomes visible by an atomic rename, so a build that is killed leaves nothing behind that could be mistaken
// for a program. Processes that want the same program wait for each other by a lock file.
//
// Errors: an unknown name; no cache folder; a failed `go build`, with the end of its output; ctx is done.
func (b *Builder) Build(ctx context.Context, names ...string) (map[string]string, error) {
	dir, err := b.cacheDir()
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string, len(names))
	var missing []component
	for _, name := range names {
		c, err := lookUp(name)
		if err != nil {
			return nil, err
		}
		program, err := programPath(dir, c)
		if err != nil {
			return nil, err
		}
		paths[name] = program
		if !exists(program) {
			missing = append(missing, c)
		}
	}
	for i, c := range missing {
		p := newProgress(b.Progress, fmt.Sprintf("%s %s (%d of %d)", c.name, c.version, i+1, len(missing)))
		if err := b.buildOnce(ctx, dir, c, p); err != nil {
			return nil, fmt.Errorf("building %s %s: %w", c.name, c.version, err)
		}
	}
	return paths, nil
}

// Missing returns those of the named programs that Build would have to build.
func (b *Builder) Missing(names ...string) ([]string, error) {
	dir, err := b.cacheDir()
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		c, err := lookUp(name)
		if err != nil {
			return nil, err
		}
		program, err := programPath(dir, c)
		if err != nil {
			return nil, err
		}
		if !exists(program) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// Source returns a file of the source that a component is built from, by its path inside the pinned module: the manifests
// that belong to a program are found beside it. The module comes from Go's module cache, or is downloaded.
//
// Errors: an unknown name; the module is not to be had; there is no such file in it.
func (b *Builder) Source(ctx context.Context, name, file string) ([]byte, error) {
	c, err := lookUp(name)
	if err != nil {
		return nil, err
	}
	dir, err := b.cacheDir()
	if err != nil {
		return nil, err
	}
	module, err := writeModule(dir, c)
	if err != nil {
		return nil, err
	}
	cmd := goCommand(ctx, module, "mod", "download", "-json", c.pinned)
	said, err := cmd.Output() // with -json, an error is in the answer too
	var answer struct{ Dir, Error string }
	if decodeErr := json.Unmarshal(said, &answer); decodeErr != nil {
		return nil, fmt.Errorf("finding the source of %s %s: %w", c.name, c.version, errors.Join(err, decodeErr))
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("finding the source of %s %s: %s", c.name, c.version, answer.Error)
	}
	content, err := os.ReadFile(filepath.Join(answer.Dir, filepath.FromSlash(file)))
	if err != nil {
		return nil, fmt.Errorf("reading the source of %s %s: %w", c.name, c.version, err)
	}
	return content, nil
}

func (b *Builder) cacheDir() (string, error) {
	if b.Dir != "" {
		return b.Dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's cache folder (set XDG_CACHE_HOME): %w", err)
	}
	return filepath.Join(cache, "metapilot", "components"), nil
}

// buildOnce builds c under its lock, unless another process has done so in the meantime.
func (b *Builder) buildOnce(ctx context.Context, dir string, c component, p *progress) error {
	program, err := programPath(dir, c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return fmt.Errorf("making the cache folder: %w", err)
	}
	p.begin("waiting for another process that builds")
	defer p.end()
	unlock, err := lock(ctx, program+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if exists(program) {
		return nil
	}
	module, err := writeModule(dir, c)
	if err != nil {
		return err
	}
	p.begin("building")
	temporary := fmt.Sprintf("%s.%d.partial", program, os.Getpid())
	defer func() { _ = os.Remove(temporary) }() // after the rename there is nothing to remove
	if err := goBuild(ctx, module, temporary, c); err != nil {
		return err
	}
	if err := os.Rename(temporary, program); err != nil {
		return fmt.Errorf("putting the program in place: %w", err)
	}
	p.done()
	return nil
}

// goBuild runs the compiler in the module's folder. The error holds the end of what it printed.
func goBuild(ctx context.Context, module, output string, c component) error {
	cmd := goCommand(ctx, module, "build", "-trimpath", "-tags", c.tags, "-ldflags", c.linkerFlags, "-o", output, c.pkg)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("there is no `go` in PATH; the sandbox compiles its components itself: %w", err)
	}
	return fmt.Errorf("go build %s: %w\n%s", c.pkg, err, tail(said.Bytes(), errorTailBytes))
}

// goCommand is a call of the machine's go in the module's folder.
func goCommand(ctx context.Context, module string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off", "GO111MODULE=on", "PWD="+module)
	// An interrupt lets the compiler remove its temporary folders.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = interruptGrace
	return cmd
}

// writeModule writes the pinned module of c below dir and returns its folder. The folder's name holds the key, so its
// content never changes once it is there.
func writeModule(dir string, c component) (string, error) {
	key, err := moduleKey(c)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(dir, "modules", c.module+"-"+key)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("making the module's folder: %w", err)
	}
	files, err := moduleFiles(c)
	if err != nil {
		return "", err
	}
	for name, content := range files {
		temporary := filepath.Join(folder, fmt.Sprintf(".%s.%d", name, os.Getpid()))
		if err := os.WriteFile(temporary, content, 0o644); err != nil {
			return "", fmt.Errorf("writing the module: %w", err)
		}
		if err := os.Rename(temporary, filepath.Join(folder, name)); err != nil {
			return "", fmt.Errorf("writing the module: %w", err)
		}
	}
	return folder, nil
}

// moduleFiles returns the embedded files of c's module by their real names (go.mod, go.sum, main.go).
func moduleFiles(c component) (map[string][]byte, error) {
	folder := path.Join("modules", c.module)
	entries, err := fs.ReadDir(modules, folder)
	if err != nil {
		return nil, fmt.Errorf("reading the module of %s: %w", c.name, err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		content, err := fs.ReadFile(modules, path.Join(folder, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the module of %s: %w", c.name, err)
		}
		files[strings.TrimSuffix(e.Name(), ".txt")] = content
	}
	return files, nil
}

// moduleKey is a hash of the module's files.
func moduleKey(c component) (string, error) {
	files, err := moduleFiles(c)
	if err != nil {
		return "", err
	}
	return hashOf(string(files["go.mod"]), string(files["go.sum"]), string(files["main.go"])), nil
}

// programPath is where the program of c is kept.
func programPath(dir string, c component) (string, error) {
	module, err := moduleKey(c)
	if err != nil {
		return "", err
	}
	parts := []string{module, c.pkg, c.linkerFlags, runtime.Version(), runtime.GOOS, runtime.GOARCH}
	if c.tags != "" {
		parts = append(parts, c.tags)
	}
	key := hashOf(parts...)
	return filepath.Join(dir, "bin", fmt.Sprintf("%s-%s-%s", c.name, c.version, key)), nil
}

// hashOf is a short hash over the parts; where one part ends matters.
func hashOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash's Write never fails
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

func exists(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

// tail returns at most the last limit bytes of b, from the start of a line where it can.
func tail(b []byte, limit int) string {
	b = bytes.TrimSpace(b)
	if len(b) <= limit {
		return string(b)
	}
	b = b[len(b)-limit:]
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[i+1:]
	}
	return "…\n" + string(b)
}
