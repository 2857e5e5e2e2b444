package kt

import (
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"unicode/utf8"

	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// Head is a distinguished log entry that a receiver of credentials knows: the view of the log that it ended.
type Head struct {
	Entry
	FullSubtrees []Hash
	Frontier     []Entry
}

// Credential is what a verified credential shows.
type Credential struct {
	Label      []byte
	Version    uint32
	Value      []byte
	Commitment Hash
	Position   uint64 // of the entry by which it was verified
	AsOfMs     uint64
	Final      bool
}

const (
	recentHeads       = 10
	maxCredentialText = 1_500_000
	credentialLabel   = "GLASSKEY CREDENTIAL"
)

// parseCredentialText takes the origin and the Credential out of a text with exactly one block.
func parseCredentialText(text string) (origin string, credential []byte) {
	if utf8.RuneCountInString(text) > maxCredentialText || strings.Count(text, "-----BEGIN "+credentialLabel+"-----") != 1 {
		wire.Malformed("not exactly one credential, or too long")
	}
	var der []byte
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == credentialLabel && len(block.Headers) == 0 {
			der = block.Bytes
		}
	}
	_, body, _ := strings.Cut(text, "-----BEGIN "+credentialLabel+"-----")
	body, _, _ = strings.Cut(body, "-----END ")
	if der == nil || strings.Join(strings.Fields(body), "") != base64.StdEncoding.EncodeToString(der) {
		wire.Malformed("no credential, or another encoding of it")
	}
	credential = wire.Must(wire.Decode(der, func(r *wire.Reader) []byte {
		if v := r.U8(); v != 1 {
			wire.Malformed("format %d", v)
		}
		if origin = string(r.Opaque(1, 255)); !utf8.ValidString(origin) {
			wire.Malformed("an origin that is not UTF-8")
		}
		return r.Opaque(1, 1<<24-1)
	}))
	return origin, credential
}

// VerifyCredential verifies a credential as a text by the heads that its receiver knows, left to right (§14).
func (c *Configuration) VerifyCredential(text, origin string, heads []Head, now uint64) (out *Credential, err error) {
	defer wire.Catch(&err)
	of, encoded := parseCredentialText(text)
	if of != origin {
		wire.Fail("usage", "a credential of another log, %q", of)
	}
	var a SearchResponse
	var label []byte
	var position uint64
	provisional := wire.Must(wire.Decode(encoded, func(r *wire.Reader) bool {
		label, a.Version, a.Opening, a.Value, a.Ladder = r.Opaque(0, 255), r.U32(), r.Bytes(16), c.ReadUpdateValue(r), c.readLadder(r)
		position = r.U64()
		switch kind := r.U8(); kind {
		case 1:
			a.Proof.PrefixProofs = []PrefixProof{ReadPrefixProof(r)}
			return false
		case 2:
			a.Head.Size, a.Head.Signature, a.Proof = r.U64(), r.Opaque(0, 65535), ReadCombinedProof(r)
			return true
		default:
			wire.Malformed("a credential of type %d", kind)
			return false
		}
	}))
	head := c.findHead(heads, position, now)
	commitment := suite.Commitment(a.Opening, label, a.Version, a.Value.Encoded)
	versions := c.versions(label, a.Version, a.Ladder, commitment)
	out = &Credential{label, a.Version, a.Value.Value, commitment, position, head.TimestampMs, !provisional}
	if provisional {
		view := &View{Size: position + 1, FullSubtrees: head.FullSubtrees, Frontier: head.Frontier}
		s := c.begin(a.Head, view, a.Proof)
		l := s.ladder(a.Version, versions, true)
		if terminal := s.greatest(l); terminal <= position {
			wire.Fail("bad-credential", "a standard one could have been made")
		}
		l.checkCommitments()
		out.AsOfMs = s.time(s.size - 1)
		s.finish(a.Head, out.AsOfMs)
		return out, nil
	}
	s := &replay{config: c, size: position + 1, old: &View{}, proof: a.Proof,
		times: map[uint64]uint64{position: head.TimestampMs}, roots: map[uint64]Hash{position: head.PrefixRoot}}
	l := s.ladder(a.Version, versions, false)
	if l.inspect(position).compare != 0 {
		wire.Fail("unexpected-version", "version %d is not the greatest there", a.Version)
	}
	l.checkCommitments()
	return out, nil
}

// findHead looks for a position among the recent heads.
func (c *Configuration) findHead(heads []Head, position, now uint64) Head {
	recent := heads[max(0, len(heads)-recentHeads):]
	at := slices.IndexFunc(recent, func(h Head) bool { return h.Position == position })
	if at < 0 {
		if len(recent) > 0 && position < recent[0].Position {
			wire.Fail("credential-expired", "entry %d is too old", position)
		}
		wire.Fail("unknown-head", "entry %d", position)
	}
	age := 10*c.Window + c.MaxBehind
	if c.MaximumLifetime > 0 {
		age = min(age, c.MaximumLifetime)
	}
	h := recent[at]
	if h.TimestampMs+age < now {
		wire.Fail("credential-expired", "entry %d was too long ago", position)
	}
	if h.TimestampMs > now+c.MaxAhead {
		wire.Fail("tree-head-too-new", "entry %d is in the future", position)
	}
	return h
}

// CredentialRequest asks for a credential.
type CredentialRequest struct {
	Label    []byte
	Position uint64
}

// CredentialUpdateRequest asks for the update of a provisional one.
type CredentialUpdateRequest struct {
	Label                             []byte
	Version                           uint32
	TreeSize, Terminal, Distinguished uint64
}

// DecodeCredentialRequest decodes a CredentialRequest.
func DecodeCredentialRequest(b []byte) (CredentialRequest, error) {
	return wire.Decode(b, func(r *wire.Reader) CredentialRequest { return CredentialRequest{r.Opaque(0, 255), r.U64()} })
}

// DecodeCredentialUpdateRequest decodes a CredentialUpdateRequest.
func DecodeCredentialUpdateRequest(b []byte) (CredentialUpdateRequest, error) {
	return wire.Decode(b, func(r *wire.Reader) CredentialUpdateRequest {
		return CredentialUpdateRequest{r.Opaque(0, 255), r.U32(), r.U64(), r.U64(), r.U64()}
	})
}

// ComparableHead is a head that people compare.
type ComparableHead struct {
	Position uint64
	LogRoot  Hash
}

// SharedHeads are heads as a text ("Comparing heads").
type SharedHeads struct {
	Origin string
	Heads  []ComparableHead
}

// ParseSharedHeads reads such a text.
func ParseSharedHeads(text string) (*SharedHeads, error) {
	text = strings.Join(strings.Fields(text), "")
	encoded, ok := strings.CutPrefix(text, "glasskey-heads:")
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if len(text) > 8192 || !ok || err != nil || base64.RawURLEncoding.EncodeToString(b) != encoded {
		return nil, wire.Refuse("malformed-encoding", "no heads")
	}
	return wire.Decode(b, func(r *wire.Reader) *SharedHeads {
		if v := r.U8(); v != 1 {
			wire.Malformed("format %d", v)
		}
		s := &SharedHeads{Origin: string(r.Opaque(1, 255))}
		s.Heads = wire.List(r, 1, 64, func(r *wire.Reader) ComparableHead { return ComparableHead{r.U64(), r.Hash()} })
		for i := 1; i < len(s.Heads); i++ {
			if s.Heads[i-1].Position >= s.Heads[i].Position {
				wire.Malformed("heads that do not ascend")
			}
		}
		if !utf8.ValidString(s.Origin) {
			wire.Malformed("an origin that is not UTF-8")
		}
		return s
	})
}

// CompareHeads says how many heads two people have both, and the last of them.
func CompareHeads(mine, theirs *SharedHeads) (common int, last uint64, err error) {
	within := func(of, other *SharedHeads) (out []ComparableHead) {
		for _, h := range of.Heads {
			if h.Position >= other.Heads[0].Position && h.Position <= other.Heads[len(other.Heads)-1].Position {
				out = append(out, h)
			}
		}
		return out
	}
	a, b := within(mine, theirs), within(theirs, mine)
	switch {
	case mine.Origin != theirs.Origin:
		return 0, 0, wire.Refuse("usage", "of another log")
	case !slices.Equal(a, b):
		return 0, 0, wire.Refuse("log-forked", "the heads are not the same")
	case len(a) == 0:
		return 0, 0, wire.Refuse("usage", "nothing in common")
	}
	return len(a), a[len(a)-1].Position, nil
}
