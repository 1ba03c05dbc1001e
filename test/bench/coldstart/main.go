package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/sandbox"
)

// held is the line that a manager logs when it holds every profile.
const held = "profiles restored"

// quietConfig lets the manager do nothing else meanwhile.
const quietConfig = "apiVersion: config.metapilot.dev/v1alpha1\nkind: Configuration\nleaderElection:\n  state: Disabled\n" +
	"health:\n  bindAddress: 127.0.0.1:0\nmetrics:\n  bindAddress: 127.0.0.1:0\nprofiles:\n  intervalSeconds: 3600\nusage:\n  metricsServer:\n    state: Disabled\n"

type options struct {
	profiles, starts int
	patience         time.Duration
}

func main() {
	ctrllog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		stop()
		os.Exit(1)
	}
}

func command() *cobra.Command {
	o := options{profiles: 40_000, starts: 3, patience: 5 * time.Minute}
	c := &cobra.Command{
		Use:           "coldstart",
		Short:         "Measure how long the profile service takes to hold a fleet's profiles again",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.profiles < 1 || o.starts < 1 {
				return errors.New("--profiles and --starts must be 1 or more")
			}
			return run(c.Context(), o)
		},
	}
	f := c.Flags()
	f.IntVar(&o.profiles, "profiles", o.profiles, "WorkloadProfiles, four in a namespace")
	f.IntVar(&o.starts, "starts", o.starts, "starts of the manager")
	f.DurationVar(&o.patience, "timeout", o.patience, "wait so long for one start")
	return c
}

func run(ctx context.Context, o options) (err error) {
	box, err := sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	if err != nil {
		return fmt.Errorf("starting the sandbox: %w", err)
	}
	defer func() { err = errors.Join(err, box.Stop()) }()
	config := box.RESTConfig()
	config.QPS = -1 // no limit of our own
	c, err := installation.API(ctx, config)
	if err != nil {
		return err
	}
	manager, err := installation.Manager(ctx, config, c)
	if err != nil {
		return err
	}
	program := filepath.Join(box.Dir(), "metapilot")
	if err := build(ctx, program); err != nil {
		return err
	}
	begun := time.Now()
	said := func(done int) {
		fmt.Fprintf(os.Stderr, "%d profiles after %s\n", done, time.Since(begun).Round(time.Second))
	}
	if err := create(ctx, c, o.profiles, said); err != nil {
		return err
	}
	fmt.Printf("%d profiles made in %s\n\n", o.profiles, time.Since(begun).Round(time.Second))
	fmt.Printf("| start | from the process's start until all are held | of that, reading and restoring | processor time | memory |\n|---|---|---|---|---|\n")
	for i := range o.starts {
		s, err := start(ctx, o, box.Dir(), program, manager, i)
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %.1f s | %.1f s | %.1f s | %.0f MiB |\n", i+1, s.whole.Seconds(), s.restore.Seconds(), s.processor.Seconds(), s.mebibytes)
	}
	return nil
}

// build makes the manager as it ships.
func build(ctx context.Context, program string) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "github.com/metapilot/metapilot/cmd/metapilot")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("building the manager: %w\n%s", err, output)
	}
	return nil
}

// seen is what one start took.
type seen struct {
	whole, restore, processor time.Duration
	// mebibytes is the most memory that the process held.
	mebibytes float64
}

// start runs the profile service alone until it holds every profile. It is not asked whether it is ready: a health check has
// less patience.
func start(ctx context.Context, o options, dir, program string, as *rest.Config, i int) (seen, error) {
	dir = filepath.Join(dir, fmt.Sprintf("manager-%d", i))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return seen{}, fmt.Errorf("making the manager's folder: %w", err)
	}
	kubeconfig, configuration := filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "manager.yaml")
	if err := writeKubeconfig(kubeconfig, as); err != nil {
		return seen{}, err
	}
	if err := os.WriteFile(configuration, []byte(quietConfig), 0o600); err != nil {
		return seen{}, fmt.Errorf("writing the manager's configuration: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return seen{}, fmt.Errorf("opening the manager's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	c := exec.Command(program, "manager", "--config", configuration, "--kubeconfig", kubeconfig, "--controllers", "profile-recommender")
	c.Stdout, c.Stderr = log, log
	begun := time.Now()
	if err := c.Start(); err != nil {
		return seen{}, fmt.Errorf("starting the manager: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(ended)
	}()
	defer func() {
		_ = c.Process.Kill() // it may have ended
		<-ended
	}()
	for deadline := begun.Add(o.patience); time.Now().Before(deadline); {
		line, ok, err := find(log.Name())
		if err != nil {
			return seen{}, err
		}
		if !ok {
			select {
			case <-ctx.Done():
				return seen{}, ctx.Err()
			case <-ended:
				content, _ := os.ReadFile(log.Name())
				return seen{}, fmt.Errorf("the manager ended:\n%s", content)
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		if line.Profiles != o.profiles {
			return seen{}, fmt.Errorf("the manager holds %d profiles, not %d", line.Profiles, o.profiles)
		}
		s := seen{whole: line.At.Sub(begun), restore: time.Duration(line.Seconds * float64(time.Second))}
		s.processor, s.mebibytes, err = usage(c.Process.Pid)
		return s, err
	}
	return seen{}, fmt.Errorf("the manager does not hold all profiles after %s", o.patience)
}

func writeKubeconfig(file string, as *rest.Config) error {
	const name = "sandbox"
	k := clientcmdapi.NewConfig()
	k.Clusters[name] = &clientcmdapi.Cluster{Server: as.Host, CertificateAuthorityData: as.CAData, CertificateAuthority: as.CAFile}
	k.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: as.BearerToken}
	k.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	k.CurrentContext = name
	if err := clientcmd.WriteToFile(*k, file); err != nil {
		return fmt.Errorf("writing the manager's kubeconfig: %w", err)
	}
	return nil
}

// line is the line of the log that says so.
type line struct {
	Message  string    `json:"msg"`
	At       time.Time `json:"ts"`
	Profiles int       `json:"profiles"`
	Seconds  float64   `json:"seconds"`
}

func find(file string) (line, bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return line{}, false, fmt.Errorf("reading the manager's log: %w", err)
	}
	defer func() { _ = f.Close() }()
	for rows := bufio.NewScanner(f); rows.Scan(); {
		var l line
		if json.Unmarshal(rows.Bytes(), &l) == nil && l.Message == held {
			return l, true, nil
		}
	}
	return line{}, false, nil
}

// usage reads what a process has used from Linux' /proc: processor time, and the most memory.
func usage(pid int) (time.Duration, float64, error) {
	const ticks = 100 // a second, on every Linux that Go runs on
	folder := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return 0, 0, fmt.Errorf("reading what the manager has used: %w", err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	status, err := os.ReadFile(filepath.Join(folder, "status"))
	if err != nil {
		return 0, 0, fmt.Errorf("reading what the manager holds: %w", err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	kibibytes, _ := strconv.ParseFloat(strings.Fields(peak)[0], 64)
	return time.Duration(user+system) * time.Second / ticks, kibibytes / 1024, nil
}
