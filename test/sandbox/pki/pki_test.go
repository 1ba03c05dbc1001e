package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func issue(t *testing.T, s Subject) (*Authority, *x509.Certificate) {
	t.Helper()
	ca, err := NewAuthority("test", now)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(pair.Certificate, pair.Key); err != nil {
		t.Fatalf("the key does not fit the certificate: %v", err)
	}
	block, _ := pem.Decode(pair.Certificate)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return ca, certificate
}

func verify(ca *Authority, certificate *x509.Certificate, at time.Time, host string, usage x509.ExtKeyUsage) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, DNSName: host, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func TestAServerCertificateIsGoodForItsNamesAndAddressesOnly(t *testing.T) {
	ca, certificate := issue(t, Subject{User: "server", Hosts: []string{"127.0.0.1", "localhost"}})
	for host, good := range map[string]bool{"127.0.0.1": true, "localhost": true, "127.0.0.2": false, "example.com": false} {
		if err := verify(ca, certificate, now, host, x509.ExtKeyUsageServerAuth); (err == nil) != good {
			t.Errorf("host %s: error %v, want good = %t", host, err, good)
		}
	}
}

func TestAClientCertificateNamesUserAndGroupsAndCannotServe(t *testing.T) {
	ca, certificate := issue(t, Subject{User: "admin", Groups: []string{"system:masters"}})
	if certificate.Subject.CommonName != "admin" {
		t.Errorf("user is %q", certificate.Subject.CommonName)
	}
	if diff := cmp.Diff([]string{"system:masters"}, certificate.Subject.Organization); diff != "" {
		t.Error(diff)
	}
	if err := verify(ca, certificate, now, "", x509.ExtKeyUsageClientAuth); err != nil {
		t.Error(err)
	}
	if err := verify(ca, certificate, now, "", x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("a client certificate without hosts can serve")
	}
}

func TestACertificateForgivesAClockThatIsAMinuteSlowAndEndsInTheEnd(t *testing.T) {
	ca, certificate := issue(t, Subject{User: "x"})
	for at, good := range map[time.Time]bool{now.Add(-time.Minute): true, now.Add(-time.Hour): false, now.Add(validity + time.Hour): false} {
		if err := verify(ca, certificate, at, "", x509.ExtKeyUsageClientAuth); (err == nil) != good {
			t.Errorf("at %s: error %v, want good = %t", at, err, good)
		}
	}
}

func TestAnotherAuthorityDoesNotVouchForIt(t *testing.T) {
	_, certificate := issue(t, Subject{User: "x"})
	other, err := NewAuthority("test", now)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(other, certificate, now, "", x509.ExtKeyUsageClientAuth); err == nil {
		t.Error("an authority of the same name vouches for a certificate it has not signed")
	}
}

func TestAKeyFileIsForItsOwnerOnly(t *testing.T) {
	_, key, err := Pair{Certificate: []byte("c"), Key: []byte("k")}.Write(t.TempDir(), "x")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(key)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %o", info.Mode().Perm())
	}
}
