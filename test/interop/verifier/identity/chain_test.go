package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"slices"
	"testing"

	"glasskey.example/verifier/wire"
)

// chainBuilder makes versions of a name.
type chainBuilder struct {
	label   []byte
	records []*Record
	links   []*Link
}

func (b *chainBuilder) commitment(version int) [32]byte {
	l := b.links[version]
	return Commitment(b.label, l.Version, l.Opening, l.Value)
}

func (b *chainBuilder) add(certificates [][]byte, pending *Pending, by Authorization) {
	v := &Record{Certificates: certificates, Pending: pending, By: by}
	if n := len(b.links); n > 0 {
		v.Previous = b.commitment(n - 1)
	}
	b.records = append(b.records, v)
	b.links = append(b.links, &Link{uint32(len(b.links)), make([]byte, 16), encode(v)})
}

func encode(v *Record) []byte {
	w := wire.Writer{}.U8(1).Raw(v.Previous[:]).Count(len(v.Certificates), 255)
	for _, der := range v.Certificates {
		w = w.Opaque(der, 65535)
	}
	w = w.Optional(v.Pending != nil)
	if p := v.Pending; p != nil {
		w = w.Raw(p.Key[:]).U8(p.Evidence.Type)
	}
	w = w.U8(v.By.Type)
	switch v.By.Type {
	case Initial:
		w = w.U8(v.By.Evidence.Type)
		if v.By.Evidence.Type == 4 {
			w = w.U8(v.By.Evidence.Possession)
		}
	case Key:
		w = w.Raw(v.By.Signer[:]).Opaque(v.By.Signature, 1024)
	case Maintenance:
		w = w.U8(v.By.Kind)
		if v.By.Kind == Revocation {
			w = w.U8(1)
		}
	case Recovery:
		w = w.U8(v.By.Phase)
		if v.By.Phase == Effective {
			w = w.U32(v.By.PendingVersion).U64(v.By.First).U64(v.By.Last)
		}
	}
	return w
}

func (b *chainBuilder) veto(key ed25519.PrivateKey, certificate []byte) {
	last := len(b.links) - 1
	request := ChangeRequest{"log.example", b.label, uint32(last + 1), b.commitment(last), nil}
	for name := range b.records[last].parse().names {
		request.After = append(request.After, name)
	}
	signer := signerHash(parseCertificate(certificate))
	b.add(b.records[last].Certificates, nil, Authorization{Type: Key, Signer: signer, Signature: ed25519.Sign(key, request.Message())})
}

func TestVetoes(t *testing.T) {
	authority := newAuthority(t, "CA", 0, nil, now.AddDate(1, 0, 0))
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	_, otherKey, _ := ed25519.GenerateKey(rand.Reader)
	issue := func(key ed25519.PrivateKey) []byte {
		return authority.issue(t, func(c *x509.Certificate) { c.PublicKey = key.Public() })
	}
	certificate, other := issue(key), issue(otherKey)
	pending := &Pending{signerHash(parseCertificate(other)), Evidence{Type: 3}}
	first := Authorization{Type: Initial, Evidence: Evidence{Type: 1}}
	requested := Authorization{Type: Recovery, Phase: Requested}
	revoked := Authorization{Type: Maintenance, Kind: Revocation}
	for name, try := range map[string]struct {
		build   func(b *chainBuilder)
		held    int
		verdict string
		code    string
	}{
		"by a key of the record": {func(b *chainBuilder) {
			b.add([][]byte{certificate}, nil, first)
			b.add([][]byte{certificate}, pending, requested)
			b.veto(key, certificate)
		}, 1, "key", ""},
		"by a key that was revoked": {func(b *chainBuilder) {
			b.add([][]byte{certificate}, nil, first)
			b.add(nil, nil, revoked)
			b.add(nil, pending, requested)
			b.veto(key, certificate)
		}, 2, "key", ""},
		"by a key that was never there": {func(b *chainBuilder) {
			b.add([][]byte{certificate}, nil, first)
			b.add(nil, nil, revoked)
			b.add(nil, pending, requested)
			b.veto(otherKey, other)
		}, 2, "unexplained", "bad-change-signature"},
		"after an erasure": {func(b *chainBuilder) {
			b.add([][]byte{certificate}, nil, first)
			b.add(nil, nil, Authorization{Type: Maintenance, Kind: Erasure})
			b.add(nil, pending, requested)
			b.veto(key, certificate)
		}, 2, "unexplained", "bad-change-signature"},
		"by an imported key that was revoked": {func(b *chainBuilder) {
			b.add([][]byte{certificate}, nil, Authorization{Type: Initial, Evidence: Evidence{Type: 4, Possession: 1}})
			b.add(nil, nil, revoked)
			b.add(nil, pending, requested)
			b.veto(key, certificate)
		}, 2, "key", ""},
		"after another veto like it": {func(b *chainBuilder) {
			b.add([][]byte{certificate}, nil, first)
			b.add(nil, nil, revoked)
			b.add(nil, pending, requested)
			b.veto(key, certificate)
			b.add(nil, pending, requested)
			b.veto(key, certificate)
		}, 2, "recovery", ""},
		"of nothing": {func(b *chainBuilder) {
			b.add([][]byte{certificate}, nil, first)
			b.add(nil, nil, revoked)
			b.veto(key, certificate)
		}, 1, "unexplained", "bad-chain"},
		"a recovery in effect": {func(b *chainBuilder) {
			b.add([][]byte{certificate}, nil, first)
			b.add([][]byte{certificate}, pending, requested)
			b.add([][]byte{other}, nil, Authorization{Type: Recovery, Phase: Effective, PendingVersion: 1, First: 4, Last: 9})
		}, 1, "recovery", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := &chainBuilder{label: []byte("mailto:alice@example.org")}
			try.build(b)
			last := len(b.links) - 1
			follow := func(history History) *Verdict {
				v, err := Follow("log.example", b.label, b.links[try.held], slices.Clone(b.links[try.held+1:last]), *b.links[last], b.commitment(last), history,
					func(version uint32, commitment [32]byte, _, _ uint64) bool {
						return commitment == b.commitment(int(version))
					})
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			v := follow(func(version uint32) *Link { return b.links[version] })
			if v.Verdict != try.verdict || wire.Code(v.Fault) != try.code {
				t.Errorf("%s, %v", v.Verdict, v.Fault)
			}
			if name == "by a key that was revoked" && follow(func(uint32) *Link { return nil }).Verdict != "unexplained" {
				t.Error("explained without the earlier versions")
			}
		})
	}
}
