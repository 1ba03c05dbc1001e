package sandbox

import (
	"context"
	"fmt"
	"os"

	"github.com/metapilot/metapilot/test/sandbox/components"
)

// controlPlane is an etcd and a kube-apiserver: those of the MetaCluster, or of a real tenant.
type controlPlane struct {
	tenant string // "" is the MetaCluster
	files  layout // its folder; logs are in the sandbox's own
	creds  *credentials
	args   []string // further ones of kube-apiserver
}

// name is what a component's process and log are called.
func (c controlPlane) name(component string) string {
	if c.tenant == "" {
		return component
	}
	return component + "." + c.tenant
}

// startControlPlane starts etcd and then kube-apiserver, and writes the administrator's kubeconfig. It returns the URLs.
func (s *Sandbox) startControlPlane(ctx context.Context, c controlPlane) (server, etcdURL string, err error) {
	probe, err := newGetter(c.creds)
	if err != nil {
		return "", "", err
	}
	err = s.startServing(ctx, 2,
		func(ports []int) (*running, error) {
			etcdURL = loopback("http", ports[0])
			peers := loopback("http", ports[1])
			if err := os.RemoveAll(c.files.etcdData()); err != nil { // of an attempt that lost its port
				return nil, fmt.Errorf("clearing etcd's data: %w", err)
			}
			return s.runOf(c, components.Etcd, ports[0],
				"--name=sandbox", "--data-dir="+c.files.etcdData(),
				"--listen-client-urls="+etcdURL, "--advertise-client-urls="+etcdURL,
				"--listen-peer-urls="+peers, "--initial-advertise-peer-urls="+peers, "--initial-cluster=sandbox="+peers,
				"--unsafe-no-fsync", // the data is thrown away
				"--quota-backend-bytes=8589934592", "--auto-compaction-mode=revision", "--auto-compaction-retention=20000",
				"--log-level=warn",
			)
		},
		func(ctx context.Context, ports []int) error {
			return probe.ok(ctx, loopback("http", ports[0])+"/health")
		},
	)
	if err != nil {
		return "", "", err
	}
	err = s.startServing(ctx, 1,
		func(ports []int) (*running, error) {
			server = loopback("https", ports[0])
			if err := c.creds.writeKubeconfig(c.files.kubeconfig(), server, "sandbox-admin", mastersGroup); err != nil {
				return nil, err
			}
			return s.runOf(c, components.APIServer, ports[0], append(c.apiServerArgs(ports[0], etcdURL), c.args...)...)
		},
		func(ctx context.Context, ports []int) error {
			return probe.ok(ctx, loopback("https", ports[0])+"/readyz")
		},
	)
	return server, etcdURL, err
}

func (c controlPlane) apiServerArgs(port int, etcdURL string) []string {
	creds := c.creds
	return []string{
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--etcd-servers=" + etcdURL,
		"--authorization-mode=Node,RBAC", "--anonymous-auth=false",
		"--client-ca-file=" + creds.caFile, "--tls-cert-file=" + creds.serverCert, "--tls-private-key-file=" + creds.serverKey,
		"--cert-dir=" + c.files.certs(),
		"--kubelet-certificate-authority=" + creds.caFile, "--kubelet-client-certificate=" + creds.kubeletClientCert, "--kubelet-client-key=" + creds.kubeletClKey,
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + creds.serviceAccountPublicKey,
		"--service-account-signing-key-file=" + creds.serviceAccountKey,
		"--service-cluster-ip-range=10.96.0.0/12", "--endpoint-reconciler-type=none",
		// The aggregator's way to metrics-server. Without --enable-aggregator-routing: only so may an APIService point at a
		// Service of type ExternalName.
		"--proxy-client-cert-file=" + creds.frontProxyCert, "--proxy-client-key-file=" + creds.frontProxyKey,
		"--requestheader-client-ca-file=" + creds.frontProxyCA, "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--max-requests-inflight=3000", "--max-mutating-requests-inflight=1500",
		"--shutdown-delay-duration=0s", "--profiling=false",
	}
}

// withoutServiceAccounts is for an API server without controllers: nobody makes the namespaces' default service accounts
// then, and no pod could be made.
const withoutServiceAccounts = "--disable-admission-plugins=ServiceAccount"

func loopback(scheme string, port int) string { return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port) }
