package installation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const stopPatience = 20 * time.Second

// Process is a running manager: the real program, in a process of its own.
type Process struct {
	// LogFile holds what it says.
	LogFile string
	command *exec.Cmd
	ended   chan struct{}
}

// Settings are what a test changes of the manager's configuration.
type Settings struct {
	// Extra is appended to the configuration file, e.g. "usage:\n  metricsServer:\n    intervalSeconds: 5\n".
	Extra string
	// LeaderElection is off unless set: a manager that was killed would be waited for.
	LeaderElection bool
	// ShippedLimits leaves the limits on requests as they are shipped; else they are not felt.
	ShippedLimits bool
}

// StartManager runs the program, as the given client, with its files in dir, and waits until it is ready.
func StartManager(ctx context.Context, program, dir string, as *rest.Config, settings Settings) (*Process, error) {
	kubeconfig, err := writeKubeconfig(dir, as)
	if err != nil {
		return nil, err
	}
	health, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	configFile, err := writeConfig(dir, health, settings)
	if err != nil {
		return nil, err
	}
	p := &Process{LogFile: filepath.Join(dir, "manager.log"), ended: make(chan struct{})}
	log, err := os.OpenFile(p.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the manager's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	p.command = exec.Command(program, "manager", "--config", configFile, "--kubeconfig", kubeconfig)
	p.command.Stdout, p.command.Stderr = log, log
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	if err := p.waitReady(ctx, health); err != nil {
		p.Kill()
		return nil, fmt.Errorf("waiting for the manager to be ready: %w; its log ends:\n%s", err, p.logEnd())
	}
	return p, nil
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill ends it as kill -9 does.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// Stop asks it to end, and waits.
func (p *Process) Stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("asking the manager to stop: %w", err)
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopPatience):
		p.Kill()
		return fmt.Errorf("the manager did not stop within %s; its log ends:\n%s", stopPatience, p.logEnd())
	}
}

func (p *Process) waitReady(ctx context.Context, health string) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		select {
		case <-p.ended:
			return false, errors.New("it ended")
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+health+"/readyz", http.NoBody)
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // not listening yet
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK, nil
	})
}

func (p *Process) logEnd() string {
	const lines = 15
	content, err := os.ReadFile(p.LogFile)
	if err != nil {
		return err.Error()
	}
	all := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(content)), "\n"), func(line string) bool {
		return strings.Contains(line, "healthz check failed") // our own asking
	})
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func writeConfig(dir, health string, settings Settings) (string, error) {
	election := "leaderElection:\n  state: Disabled\n"
	if settings.LeaderElection {
		election = "leaderElection:\n  namespace: " + Namespace + "\n"
	}
	limits := "client:\n  qps: 2000\n  burst: 4000\n"
	if settings.ShippedLimits {
		limits = ""
	}
	content := "apiVersion: config.metapilot.dev/v1alpha1\nkind: Configuration\n" + election +
		"health:\n  bindAddress: " + health + "\nmetrics:\n  bindAddress: 127.0.0.1:0\n" + limits + settings.Extra
	file := filepath.Join(dir, "manager.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		return "", fmt.Errorf("writing the manager's configuration: %w", err)
	}
	return file, nil
}

// writeKubeconfig writes a client's configuration as a kubeconfig file.
func writeKubeconfig(dir string, c *rest.Config) (string, error) {
	const name = "sandbox"
	k := clientcmdapi.NewConfig()
	k.Clusters[name] = &clientcmdapi.Cluster{Server: c.Host, CertificateAuthorityData: c.CAData, CertificateAuthority: c.CAFile}
	k.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: c.BearerToken, ClientCertificateData: c.CertData, ClientKeyData: c.KeyData}
	k.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	k.CurrentContext = name
	file := filepath.Join(dir, "manager.kubeconfig")
	if err := clientcmd.WriteToFile(*k, file); err != nil {
		return "", fmt.Errorf("writing the manager's kubeconfig: %w", err)
	}
	return file, nil
}

func freeAddress(ctx context.Context) (string, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
