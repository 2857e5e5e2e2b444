package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"time"

	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// Trust is by what a record's certificates are verified.
type Trust struct {
	Roots, Issuers []*x509.Certificate
	Now            time.Time
	MaxAhead       time.Duration
}

// Certified is a certificate that holds.
type Certified struct {
	*x509.Certificate
	Key     [32]byte // its name
	Expired bool
}

var (
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidAlternativeName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidSmtpUTF8Mailbox  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 9}
)

// VerifyCertificates verifies all certificates of a record, as after a lookup ("Certificates").
func (v *Record) VerifyCertificates(label string, trust Trust) (out []Certified, err error) {
	defer wire.Catch(&err)
	for _, c := range v.parse().certs {
		checkLeaf(c)
		if alternativeName(c) != CertificateName(label) {
			wire.Fail("bad-certificate", "it is for %q", alternativeName(c).Value)
		}
		if c.NotBefore.After(trust.Now.Add(trust.MaxAhead)) {
			wire.Fail("bad-certificate", "it begins at %s", c.NotBefore)
		}
		trust.verifyPath(c)
		out = append(out, Certified{c, keyName(c), trust.Now.After(c.NotAfter)})
	}
	return out, nil
}

// checkLeaf asks for what the log's CA issues.
func checkLeaf(c *x509.Certificate) {
	refuse := func(what string) { wire.Fail("bad-certificate", "%s", what) }
	critical := func(id asn1.ObjectIdentifier) bool {
		for _, e := range c.Extensions {
			if e.Id.Equal(id) {
				return e.Critical
			}
		}
		return false
	}
	usage := x509.KeyUsageDigitalSignature
	switch key := c.PublicKey.(type) {
	case ed25519.PublicKey:
		if !suite.ValidEd25519Key(key) {
			refuse("a key of small order")
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			refuse("a key on another curve")
		}
		usage |= x509.KeyUsageKeyAgreement
	case *rsa.PublicKey:
		checkRSA(key)
		usage |= x509.KeyUsageKeyEncipherment
	default:
		refuse("a key of another kind")
	}
	switch {
	case c.Version != 3 || len(c.SerialNumber.Bytes()) > 20 || c.SerialNumber.Sign() <= 0:
		refuse("its version or serial number")
	case !bytes.Equal(c.RawSubject, []byte{0x30, 0}):
		refuse("it has a subject")
	case !c.BasicConstraintsValid || c.IsCA || !critical(oidBasicConstraints):
		refuse("its basic constraints")
	case c.KeyUsage != usage || !critical(oidKeyUsage):
		refuse("its key usage")
	case !critical(oidAlternativeName):
		refuse("its alternative names are not critical")
	case !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection}) || len(c.UnknownExtKeyUsage) > 0:
		refuse("its purposes")
	case len(c.SubjectKeyId) == 0 || len(c.AuthorityKeyId) == 0:
		refuse("it has no key identifiers")
	}
}

// checkRSA does not look for ROCA's generator and close factors.
func checkRSA(key *rsa.PublicKey) {
	if n := key.N.BitLen(); n < 2048 || n > 4096 || key.E < 65537 || key.E > 1<<32-1 || key.E%2 == 0 {
		wire.Fail("bad-certificate", "an RSA key of a size or exponent that is not accepted")
	}
	for p := int64(2); p < 752; p++ {
		if new(big.Int).Mod(key.N, big.NewInt(p)).Sign() == 0 {
			wire.Fail("bad-certificate", "an RSA key with a small factor")
		}
	}
}

// verifyPath leads a certificate to a root, by the issuers alone.
func (t Trust) verifyPath(c *x509.Certificate) {
	roots, issuers := x509.NewCertPool(), x509.NewCertPool()
	for _, r := range t.Roots {
		roots.AddCert(r)
	}
	for _, i := range t.Issuers {
		issuers.AddCert(i)
	}
	at := t.Now
	if at.After(c.NotAfter) {
		at = c.NotAfter
	}
	if at.Before(c.NotBefore) {
		at = c.NotBefore
	}
	leaf := *c // Go does not know mailboxes that are not ASCII; alternativeName has read the name.
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(c.UnhandledCriticalExtensions),
		func(id asn1.ObjectIdentifier) bool { return id.Equal(oidAlternativeName) })
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: issuers, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if invalid, ok := err.(x509.CertificateInvalidError); ok && invalid.Reason == x509.Expired {
		wire.Fail("certificate-expired", "%v", err)
	}
	for _, chain := range chains {
		good := len(chain) <= 5
		for i := range len(chain) - 1 {
			good = good && bytes.Equal(chain[i].AuthorityKeyId, chain[i+1].SubjectKeyId)
		}
		if good {
			return
		}
	}
	wire.Fail("untrusted-issuer", "no path to a root of the bundle: %v", err)
}

// Name is an alternative name of a certificate: an email address, also as SmtpUTF8Mailbox, or a URI.
type Name struct {
	Kind, Value string
	UTF8        bool
}

// alternativeName reads the only alternative name.
func alternativeName(c *x509.Certificate) Name {
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidAlternativeName) {
			continue
		}
		var names []asn1.RawValue
		if rest, err := asn1.Unmarshal(e.Value, &names); err != nil || len(rest) > 0 || len(names) != 1 || names[0].Class != asn1.ClassContextSpecific {
			break
		}
		name := names[0]
		switch {
		case name.Tag == 1 && !name.IsCompound:
			return Name{"email", string(name.Bytes), false}
		case name.Tag == 6 && !name.IsCompound:
			return Name{"uri", string(name.Bytes), false}
		case name.Tag == 0 && name.IsCompound:
			var id asn1.ObjectIdentifier
			var value asn1.RawValue
			rest, err := asn1.Unmarshal(name.Bytes, &id)
			if err == nil && id.Equal(oidSmtpUTF8Mailbox) {
				rest, err = asn1.UnmarshalWithParams(rest, &value, "explicit,tag:0")
				if err == nil && len(rest) == 0 && value.Tag == asn1.TagUTF8String && value.Class == asn1.ClassUniversal {
					return Name{"email", string(value.Bytes), true}
				}
			}
		}
	}
	wire.Fail("bad-certificate", "it has not exactly one alternative name that is understood")
	return Name{}
}

// CertificateName is the name that a certificate for the label has.
func CertificateName(label string) Name {
	if address, isMail := strings.CutPrefix(label, "mailto:"); isMail {
		local, _, _ := strings.Cut(address, "@")
		return Name{"email", address, !isASCII(local)}
	}
	return Name{"uri", encodeBeyondASCII(label), false}
}
