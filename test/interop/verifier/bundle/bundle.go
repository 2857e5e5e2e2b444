package bundle

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"glasskey.example/verifier/kt"
	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// Bundle is a trust bundle that is whole: every signature on it holds.
type Bundle struct {
	Text            []byte // as it was given
	Sequence        int64
	Origin          string
	PublicURL       string
	Roots, Issuers  []*x509.Certificate
	Config          *kt.Configuration
	Earlier         [][]byte // encoded Configurations
	Vkeys           []Vkey
	Policy          *Policy
	RecoveryDelayMs int64
	URISchemes      []string
	BundleKey       []byte
	Canonical       string // what is signed, after its context
	signers         [][]byte
}

// Fingerprint is what people compare.
func (b *Bundle) Fingerprint() [32]byte { return sha256.Sum256([]byte(b.Canonical)) }

func bad(format string, args ...any) { wire.Fail("bad-bundle", format, args...) }

// members are a JSON object's, taken out one by one.
type members struct{ left map[string]any }

func take[T any](m members, name string) T {
	v, ok := m.left[name].(T)
	if !ok {
		bad("%s is missing, or of another type", name)
	}
	delete(m.left, name)
	return v
}

func (m members) end() {
	for name := range m.left {
		bad("a member that is not known: %s", name)
	}
}

func list[T, V any](m members, name string, least, most int, read func(T) V) (out []V) {
	all := take[[]any](m, name)
	if len(all) < least || len(all) > most {
		bad("%d of %s", len(all), name)
	}
	for _, v := range all {
		t, ok := v.(T)
		if !ok {
			bad("%s: of another type", name)
		}
		out = append(out, read(t))
	}
	return out
}

func bytesOf(s string) []byte {
	b, ok := unbase64(s)
	if !ok {
		bad("what is no base64")
	}
	return b
}

var originForm = regexp.MustCompile(`^[!-*,-~]{1,255}$`)
var schemeForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)

func certificate(text string) *x509.Certificate {
	text = strings.TrimSpace(text)
	block, rest := pem.Decode([]byte(text))
	if !strings.HasPrefix(text, "-----BEGIN") || len(text) > 16_384 || block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		bad("what is no certificate")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		bad("a certificate: %v", err)
	}
	return c
}

func configuration(s string) *kt.Configuration {
	c, err := kt.DecodeConfiguration(bytesOf(s))
	if err != nil {
		bad("a Configuration: %v", err)
	}
	return c
}

// Parse reads a trust bundle and verifies its signatures. That makes it whole, not trusted.
func Parse(text []byte) (b *Bundle, err error) {
	defer wire.Catch(&err)
	value, err := parseJSON(text)
	if err != nil || len(text) > 1<<18 {
		bad("%v", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		bad("no object")
	}
	m := members{object}
	b = &Bundle{Text: text}
	type signature struct{ key, signature []byte }
	signatures := list(m, "signatures", 1, 8, func(o map[string]any) signature {
		s := members{o}
		v := signature{bytesOf(take[string](s, "key")), bytesOf(take[string](s, "signature"))}
		s.end()
		return v
	})
	b.Canonical = canonical(object) // without the signatures
	if take[int64](m, "format") != 1 {
		bad("another format")
	}
	if b.Sequence = take[int64](m, "sequence"); b.Sequence < 0 {
		bad("a negative sequence")
	}
	if b.Origin = take[string](m, "origin"); !originForm.MatchString(b.Origin) {
		bad("an origin that is none")
	}
	if _, there := object["publicUrl"]; there {
		b.PublicURL = take[string](m, "publicUrl")
		u, err := url.Parse(b.PublicURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.HasSuffix(b.PublicURL, "/") {
			bad("a public URL that is none")
		}
	}
	b.Roots = list(m, "roots", 1, 16, certificate)
	b.Issuers = list(m, "issuers", 1, 16, certificate)
	b.Config = configuration(take[string](m, "keytransConfiguration"))
	if _, there := object["earlierConfigurations"]; there {
		b.Earlier = list(m, "earlierConfigurations", 1, 64, func(s string) []byte { return configuration(s).Encoded })
	}
	b.Vkeys = list(m, "auditLogVkeys", 1, 16, func(s string) Vkey {
		v, err := ParseVkey(s)
		if err != nil {
			bad("a vkey: %v", err)
		}
		return v
	})
	policy, err := ParsePolicy(take[string](m, "witnessPolicy"))
	if err != nil {
		bad("a policy: %v", err)
	}
	b.Policy = policy
	if b.RecoveryDelayMs = take[int64](m, "recoveryDelayMs"); b.RecoveryDelayMs < 0 {
		bad("a negative delay")
	}
	rules := members{take[map[string]any](m, "identityRules")}
	if take[string](rules, "localPart") != "fold-lower-case" {
		bad("another rule for local parts")
	}
	b.URISchemes = list(rules, "uriSchemes", 0, 32, func(s string) string { return s })
	for i, s := range b.URISchemes {
		if !schemeForm.MatchString(s) || s == "mailto" || s == "acct" || s == "tel" || (i > 0 && b.URISchemes[i-1] >= s) {
			bad("schemes that are none, or do not ascend")
		}
	}
	rules.end()
	b.BundleKey = bytesOf(take[string](m, "bundleKey"))
	m.end()
	for _, s := range signatures {
		if b.signedBy(s.key) {
			bad("two signatures by one key")
		}
		if !suite.VerifyEd25519(s.key, []byte("glasskey bundle v1\x00"+b.Canonical), s.signature) {
			bad("a signature that does not hold")
		}
		b.signers = append(b.signers, s.key)
	}
	if !b.signedBy(b.BundleKey) {
		bad("it is not signed by its own key")
	}
	return b, nil
}

func (b *Bundle) signedBy(key []byte) bool {
	return slices.ContainsFunc(b.signers, func(k []byte) bool { return bytes.Equal(k, key) })
}

// CheckSuccessor says whether `next` may take the place of a pinned bundle.
func CheckSuccessor(pinned, next *Bundle) error {
	if pinned.Canonical == next.Canonical {
		return nil
	}
	if next.Sequence > pinned.Sequence && next.signedBy(pinned.BundleKey) && next.Origin == pinned.Origin &&
		slices.Equal(next.URISchemes, pinned.URISchemes) && sameLog(pinned.Config, next.Config) {
		return nil
	}
	return wire.Refuse("bundle-changed", "it may not take the place of the pinned one")
}

// sameLog compares Configurations but for a third-party auditor, who may come and change but not go.
func sameLog(old, next *kt.Configuration) bool {
	if bytes.Equal(old.Encoded, next.Encoded) {
		return true
	}
	return next.Mode == kt.ThirdPartyAuditing && old.Mode != kt.ThirdPartyManagement && old.Suite.ID == next.Suite.ID &&
		bytes.Equal(old.SignatureKey, next.SignatureKey) && bytes.Equal(old.VRFKey, next.VRFKey) &&
		old.MaxAhead == next.MaxAhead && old.MaxBehind == next.MaxBehind && old.Window == next.Window && old.MaximumLifetime == next.MaximumLifetime
}
