package sandbox

import (
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/metapilot/metapilot/test/sandbox/pki"
)

// mastersGroup is the group Kubernetes allows everything. All clients of the sandbox that are not Kubernetes' own
// components are in it: authorization inside a throw-away cluster would only hide mistakes of the sandbox.
const mastersGroup = "system:masters"

// credentials are a sandbox's certificates: one authority for servers and clients, one for the front proxy (it must be
// another, or every client certificate could pose as the aggregator).
type credentials struct {
	files layout
	ca    *pki.Authority

	caFile                          string
	serverCert, serverKey           string // any server on the loopback
	serviceAccountKey               string
	serviceAccountPublicKey         string
	frontProxyCA                    string
	frontProxyCert, frontProxyKey   string
	kubeletClientCert, kubeletClKey string // API server and metrics-server to the kubelet
}

// newCredentials makes all certificates and writes them into the state folder.
func newCredentials(files layout, now time.Time) (*credentials, error) {
	c := &credentials{files: files}
	ca, err := pki.NewAuthority("sandbox", now)
	if err != nil {
		return nil, err
	}
	c.ca = ca
	proxy, err := pki.NewAuthority("sandbox-front-proxy", now)
	if err != nil {
		return nil, err
	}
	private, public, err := pki.ServiceAccountKey()
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		path    *string
		name    string
		content []byte
	}{
		{&c.caFile, "ca.crt", ca.PEM()},
		{&c.frontProxyCA, "front-proxy-ca.crt", proxy.PEM()},
		{&c.serviceAccountKey, "service-account.key", private},
		{&c.serviceAccountPublicKey, "service-account.pub", public},
	} {
		*f.path = files.path("certs", f.name)
		if err := os.WriteFile(*f.path, f.content, 0o600); err != nil {
			return nil, fmt.Errorf("writing a certificate: %w", err)
		}
	}
	for _, p := range []struct {
		certificate, key *string
		name             string
		authority        *pki.Authority
		subject          pki.Subject
	}{
		{&c.serverCert, &c.serverKey, "server", ca, pki.Subject{User: "sandbox-server", Hosts: []string{
			"127.0.0.1", "localhost", "10.96.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc", metricsServerHost,
		}}},
		{&c.frontProxyCert, &c.frontProxyKey, "front-proxy", proxy, pki.Subject{User: "front-proxy-client"}},
		{&c.kubeletClientCert, &c.kubeletClKey, "kubelet-client", ca, pki.Subject{User: "kube-apiserver-kubelet-client", Groups: []string{mastersGroup}}},
	} {
		pair, err := p.authority.Issue(p.subject)
		if err != nil {
			return nil, err
		}
		if *p.certificate, *p.key, err = pair.Write(files.certs(), p.name); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// writeKubeconfig issues a client certificate for the user and writes a kubeconfig with it.
func (c *credentials) writeKubeconfig(file, server, user string, groups ...string) error {
	pair, err := c.ca.Issue(pki.Subject{User: user, Groups: groups})
	if err != nil {
		return err
	}
	const name = "sandbox"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: c.ca.PEM()}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: user}
	config.CurrentContext = name
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", user, err)
	}
	return nil
}
