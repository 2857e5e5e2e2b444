// Judges the paths of a file in the schema of x509-limbo by crypto/x509. Prints "id accepted|refused" for each case.
package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"time"
)

type peer struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

type testcase struct {
	ID            string    `json:"id"`
	Trusted       []string  `json:"trusted_certs"`
	Intermediates []string  `json:"untrusted_intermediates"`
	Leaf          string    `json:"peer_certificate"`
	Time          time.Time `json:"validation_time"`
	Purposes      []string  `json:"extended_key_usage"`
	Peer          *peer     `json:"expected_peer_name"`
	Peers         []peer    `json:"expected_peer_names"`
}

var purposes = map[string]x509.ExtKeyUsage{
	"serverAuth":      x509.ExtKeyUsageServerAuth,
	"clientAuth":      x509.ExtKeyUsageClientAuth,
	"emailProtection": x509.ExtKeyUsageEmailProtection,
}

func parse(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("no PEM block")
	}
	return x509.ParseCertificate(block.Bytes)
}

func pool(texts []string) *x509.CertPool {
	certificates := x509.NewCertPool()
	for _, text := range texts {
		if certificate, err := parse(text); err == nil {
			certificates.AddCert(certificate)
		}
	}
	return certificates
}

func validate(c testcase) error {
	leaf, err := parse(c.Leaf)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{Roots: pool(c.Trusted), Intermediates: pool(c.Intermediates), CurrentTime: c.Time}
	for _, purpose := range c.Purposes {
		options.KeyUsages = append(options.KeyUsages, purposes[purpose])
	}
	if c.Peer != nil {
		options.DNSName = c.Peer.Value
	}
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	for _, wanted := range c.Peers {
		if !contains(leaf.EmailAddresses, wanted.Value) {
			return fmt.Errorf("not for %s", wanted.Value)
		}
	}
	return nil
}

func contains(all []string, one string) bool {
	for _, candidate := range all {
		if candidate == one {
			return true
		}
	}
	return false
}

func main() {
	var file struct {
		Testcases []testcase `json:"testcases"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, c := range file.Testcases {
		outcome := "accepted"
		if err := validate(c); err != nil {
			outcome = "refused"
		}
		fmt.Println(c.ID, outcome)
	}
}
