package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"

	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// companionKeys is the extension for companion keys.
var companionKeys = asn1.ObjectIdentifier{1, 2, 840, 113556, 1, 8000, 2554, 11793, 5924, 51797, 19938, 34310, 4884311, 337756, 1}

// VerifyChange checks a signature on a change by the key in a SubjectPublicKeyInfo.
func VerifyChange(spki, message, signature []byte) bool {
	public, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return false
	}
	switch key := public.(type) {
	case ed25519.PublicKey:
		return suite.VerifyEd25519(key, message, signature)
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(message)
		sum := digest[:]
		switch key.Curve {
		case elliptic.P256():
		case elliptic.P384():
			long := sha512.Sum384(message)
			sum = long[:]
		default:
			return false
		}
		return ecdsa.VerifyASN1(key, sum, signature)
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < 2048 || n > 4096 || key.E < 65537 || key.E%2 == 0 {
			return false
		}
		digest := sha256.Sum256(message)
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

func parseCertificate(der []byte) *x509.Certificate {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		wire.Fail("bad-record", "a certificate: %v", err)
	}
	return c
}

func signerHash(c *x509.Certificate) [32]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// keyName names the key of a certificate, with its companion keys.
func keyName(c *x509.Certificate) [32]byte {
	name := signerHash(c)
	for _, e := range c.Extensions {
		if e.Id.Equal(companionKeys) {
			checkCompanions(e)
			sum := sha256.Sum256(e.Value)
			name = sha256.Sum256(append(append([]byte("glasskey companion keys v1\x00"), name[:]...), sum[:]...))
		}
	}
	return name
}

var (
	oidX25519   = asn1.ObjectIdentifier{1, 3, 101, 110}
	oidMLKEM768 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 2}
)

// checkCompanions refuses what is no CompanionKeys.
func checkCompanions(e pkix.Extension) {
	refuse := func(what string) { wire.Fail("bad-certificate", "companion keys: %s", what) }
	var keys []struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	rest, err := asn1.Unmarshal(e.Value, &keys)
	if err != nil || len(rest) > 0 || len(keys) < 1 || len(keys) > 2 || e.Critical {
		refuse("malformed")
	}
	if again, err := asn1.Marshal(keys); err != nil || !bytes.Equal(again, e.Value) {
		refuse("another encoding")
	}
	kind := -1
	for _, k := range keys {
		at := -1
		if k.Algorithm.Algorithm.Equal(oidX25519) && goodX25519(k.Key.Bytes) {
			at = 0
		} else if k.Algorithm.Algorithm.Equal(oidMLKEM768) && goodMLKEM768(k.Key.Bytes) {
			at = 1
		}
		if at <= kind || len(k.Algorithm.Parameters.FullBytes) > 0 || k.Key.BitLength != 8*len(k.Key.Bytes) {
			refuse("a key that is none, or out of order")
		}
		kind = at
	}
}

// smallOrder are the five u of small order that are below 2^255-19, besides which none is.
var smallOrder = func() (out []*big.Int) {
	p := fieldPrime
	for _, s := range []string{"0", "1", "325606250916557431795983626356110631294008115727848805560023387167927233504",
		"39382357235489614581723060781553021112529911719440698176882885853963445705823"} {
		v, _ := new(big.Int).SetString(s, 10)
		out = append(out, v)
	}
	return append(out, new(big.Int).Sub(p, big.NewInt(1)))
}()

var fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))

func goodX25519(b []byte) bool {
	if len(b) != 32 {
		return false
	}
	reversed := make([]byte, 32)
	for i := range b {
		reversed[31-i] = b[i]
	}
	u := new(big.Int).SetBytes(reversed)
	for _, s := range smallOrder {
		if u.Cmp(s) == 0 {
			return false
		}
	}
	return u.Cmp(fieldPrime) < 0
}

// goodMLKEM768 is the modulus check of FIPS 203 §7.2: 768 coefficients of 12 bits below 3329, then a seed.
func goodMLKEM768(b []byte) bool {
	if len(b) != 1184 {
		return false
	}
	for i := 0; i < 1152; i += 3 {
		first, second := int(b[i])|int(b[i+1]&15)<<8, int(b[i+1])>>4|int(b[i+2])<<4
		if first >= 3329 || second >= 3329 {
			return false
		}
	}
	return true
}
