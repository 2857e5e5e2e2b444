package identity

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"slices"
	"testing"
	"time"

	"glasskey.example/verifier/wire"
)

var now = time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)

type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority(t *testing.T, name string, pathLength int, parent *authority, end time.Time) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true, MaxPathLen: pathLength, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	a := &authority{key, nil}
	if parent == nil {
		parent = &authority{key, template}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.certificate, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	a.certificate, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) issue(t *testing.T, change func(*x509.Certificate)) []byte {
	public, _, _ := ed25519.GenerateKey(rand.Reader)
	c := &x509.Certificate{SerialNumber: big.NewInt(8), NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 1, 0), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
		EmailAddresses: []string{"alice@example.org"}, SubjectKeyId: []byte{1, 2, 3}}
	var key crypto.PublicKey = public
	if change != nil {
		change(c)
	}
	if c.PublicKey != nil {
		key = c.PublicKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.certificate, key, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestCertificates(t *testing.T) {
	root := newAuthority(t, "Root", 1, nil, now.AddDate(1, 0, 0))
	issuer := newAuthority(t, "Issuer", 0, root, now.AddDate(1, 0, 0))
	old := newAuthority(t, "Old issuer", 0, root, now.AddDate(0, 0, -1))
	other := newAuthority(t, "Issuer", 0, newAuthority(t, "Root", 1, nil, now.AddDate(1, 0, 0)), now.AddDate(1, 0, 0))
	below := newAuthority(t, "Below", 0, issuer, now.AddDate(1, 0, 0))
	trust := Trust{[]*x509.Certificate{root.certificate}, []*x509.Certificate{issuer.certificate, old.certificate, below.certificate}, now, time.Minute}
	p224, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	for name, try := range map[string]struct {
		by     *authority
		change func(*x509.Certificate)
		code   string
	}{
		"good": {issuer, nil, ""},
		"a key of P-384": {issuer, func(c *x509.Certificate) {
			c.PublicKey, c.KeyUsage = p384.Public(), x509.KeyUsageDigitalSignature|x509.KeyUsageKeyAgreement
		}, ""},
		"expired":            {issuer, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -1) }, ""},
		"by the root itself": {root, nil, ""},
		"in the future":      {issuer, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) }, "bad-certificate"},
		"another name":       {issuer, func(c *x509.Certificate) { c.EmailAddresses = []string{"bob@example.org"} }, "bad-certificate"},
		"two names":          {issuer, func(c *x509.Certificate) { c.EmailAddresses = []string{"alice@example.org", "bob@example.org"} }, "bad-certificate"},
		"the name as a URI": {issuer, func(c *x509.Certificate) {
			c.EmailAddresses, c.URIs = nil, []*url.URL{{Scheme: "mailto", Opaque: "alice@example.org"}}
		}, "bad-certificate"},
		"a subject":         {issuer, func(c *x509.Certificate) { c.Subject.CommonName = "alice" }, "bad-certificate"},
		"a CA":              {issuer, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }, "bad-certificate"},
		"another key usage": {issuer, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyAgreement }, "bad-certificate"},
		"for servers":       {issuer, func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) }, "bad-certificate"},
		"for anything":      {issuer, func(c *x509.Certificate) { c.ExtKeyUsage = nil }, "bad-certificate"},
		"a key of P-224":    {issuer, func(c *x509.Certificate) { c.PublicKey = p224.Public() }, "bad-certificate"},
		"an unknown critical": {issuer, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}, "untrusted-issuer"},
		"by another root":     {other, nil, "untrusted-issuer"},
		"by an expired CA":    {old, nil, "certificate-expired"},
		"below path length 0": {below, nil, "untrusted-issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			record := &Record{Certificates: [][]byte{try.by.issue(t, try.change)}}
			got, err := record.VerifyCertificates("mailto:alice@example.org", trust)
			if wire.Code(err) != try.code || (err != nil) != (try.code != "") {
				t.Fatalf("%v, instead of %q", err, try.code)
			}
			if err == nil && got[0].Expired != (name == "expired") {
				t.Error("expired, or not")
			}
		})
	}
}

func TestCompanionKeys(t *testing.T) {
	type spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	key := func(id asn1.ObjectIdentifier, b []byte) spki {
		return spki{pkix.AlgorithmIdentifier{Algorithm: id}, asn1.BitString{Bytes: b, BitLength: 8 * len(b)}}
	}
	x, m := make([]byte, 32), make([]byte, 1184)
	x[0] = 9
	small, above, wide := make([]byte, 32), make([]byte, 32), make([]byte, 1184)
	for i := range above {
		above[i] = 0xff
	}
	wide[0], wide[1] = 0x01, 0x0d // 3329
	for name, try := range map[string]struct {
		keys []spki
		good bool
	}{
		"both":               {[]spki{key(oidX25519, x), key(oidMLKEM768, m)}, true},
		"X25519":             {[]spki{key(oidX25519, x)}, true},
		"ML-KEM-768":         {[]spki{key(oidMLKEM768, m)}, true},
		"none":               {[]spki{}, false},
		"two of a kind":      {[]spki{key(oidX25519, x), key(oidX25519, x)}, false},
		"in the wrong order": {[]spki{key(oidMLKEM768, m), key(oidX25519, x)}, false},
		"of small order":     {[]spki{key(oidX25519, small)}, false},
		"not reduced":        {[]spki{key(oidX25519, above)}, false},
		"a coefficient 3329": {[]spki{key(oidMLKEM768, wide)}, false},
		"a byte too few":     {[]spki{key(oidMLKEM768, m[1:])}, false},
		"another algorithm":  {[]spki{key(asn1.ObjectIdentifier{1, 3, 101, 112}, x)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			value, err := asn1.Marshal(try.keys)
			if err != nil {
				t.Fatal(err)
			}
			err = func() (err error) {
				defer wire.Catch(&err)
				checkCompanions(pkix.Extension{Value: value})
				return nil
			}()
			if (err == nil) != try.good {
				t.Error(err)
			}
		})
	}
}

func TestSmallOrder(t *testing.T) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range smallOrder {
		b := u.FillBytes(make([]byte, 32))
		slices.Reverse(b)
		peer, err := ecdh.X25519().NewPublicKey(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.ECDH(peer); err == nil || goodX25519(b) {
			t.Errorf("%s is not of small order, or accepted", u)
		}
	}
}
