package bundle

import (
	"crypto/sha256"
	"strings"

	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// AuditEntry is an entry of the audit log.
type AuditEntry struct {
	Encoded                                     []byte
	TimestampMs                                 uint64
	PrefixRoot, LogRoot, ConfigHash, UpdateHash [32]byte
}

// DecodeAuditEntry decodes an AuditEntry.
func DecodeAuditEntry(b []byte) (*AuditEntry, error) {
	return wire.Decode(b, func(r *wire.Reader) *AuditEntry {
		if v := r.U8(); v != 1 {
			wire.Malformed("format %d", v)
		}
		return &AuditEntry{b, r.U64(), r.Hash(), r.Hash(), r.Hash(), r.Hash()}
	})
}

// LeafHash is the entry's in the audit log (RFC 6962 §2.1).
func (e *AuditEntry) LeafHash() [32]byte { return sha256.Sum256(append([]byte{0}, e.Encoded...)) }

// DecodeEntryBundle decodes `tile/entries/<N>` of that many entries.
func DecodeEntryBundle(b []byte, count int) ([]*AuditEntry, error) {
	return wire.Decode(b, func(r *wire.Reader) (out []*AuditEntry) {
		for range count {
			out = append(out, wire.Must(DecodeAuditEntry(r.Opaque(0, 65535))))
		}
		return out
	})
}

// TlogProof is a verified c2sp.org/tlog-proof@v1 with an AuditEntry.
type TlogProof struct {
	Index      uint64
	Entry      *AuditEntry
	Checkpoint *Checkpoint
}

// ParseTlogProof reads and verifies a proof.
func ParseTlogProof(text, origin string, vkeys []Vkey) (p *TlogProof, err error) {
	defer wire.Catch(&err)
	refuse := func(what string) { wire.Fail("bad-tlog-proof", "%s", what) }
	head, note, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || len(lines) > 3+64 || lines[0] != "c2sp.org/tlog-proof@v1" {
		refuse("another format")
	}
	extra, ok := strings.CutPrefix(lines[1], "extra ")
	encoded, ok2 := unbase64(extra)
	index, ok3 := strings.CutPrefix(lines[2], "index ")
	if !ok || !ok2 || !ok3 {
		refuse("no entry, or no index")
	}
	entry, err := DecodeAuditEntry(encoded)
	if err != nil {
		refuse(err.Error())
	}
	p = &TlogProof{Entry: entry}
	if p.Index, ok = decimal(index); !ok {
		refuse("an index that is none")
	}
	var hashes [][32]byte
	for _, line := range lines[3:] {
		b, ok := unbase64(line)
		if !ok || len(b) != 32 {
			refuse("a hash that is none")
		}
		hashes = append(hashes, [32]byte(b))
	}
	p.Checkpoint = wire.Must(ParseCheckpoint(note, origin, vkeys))
	root, ok := inclusionRoot(p.Index, p.Checkpoint.Size, entry.LeafHash(), hashes)
	if !ok || root != p.Checkpoint.Root {
		refuse("it does not lead to the root of the checkpoint")
	}
	return p, nil
}

// inclusionRoot is RFC 9162 §2.1.3.2.
func inclusionRoot(index, size uint64, hash [32]byte, path [][32]byte) ([32]byte, bool) {
	if index >= size {
		return hash, false
	}
	join := func(a, b [32]byte) [32]byte { return sha256.Sum256(append(append([]byte{1}, a[:]...), b[:]...)) }
	at, last := index, size-1
	for _, p := range path {
		if last == 0 {
			return hash, false
		}
		if at&1 == 1 || at == last {
			hash = join(p, hash)
			for at&1 == 0 && at != 0 {
				at, last = at>>1, last>>1
			}
		} else {
			hash = join(hash, p)
		}
		at, last = at>>1, last>>1
	}
	return hash, last == 0
}

// Shown is a tree head that a client was shown.
type Shown struct {
	Size, TimestampMs   uint64
	PrefixRoot, LogRoot [32]byte
}

// CheckWitnessed is what a client asks of a new tree head where the bundle has a policy ("Witnessed tree heads").
func (b *Bundle) CheckWitnessed(proof string, head Shown, nowMs uint64) ([]Cosigned, error) {
	p, err := ParseTlogProof(proof, b.Origin, b.Vkeys)
	if err != nil {
		return nil, err
	}
	const minutes = 5 * 60_000
	switch {
	case p.Checkpoint.Size != head.Size || p.Index != head.Size-1:
		return nil, wire.Refuse("bad-tlog-proof", "of another size")
	case p.Entry.ConfigHash != sha256.Sum256(b.Config.Encoded):
		return nil, wire.Refuse("bad-audit-entry", "of another Configuration")
	case p.Entry.TimestampMs != head.TimestampMs || p.Entry.PrefixRoot != head.PrefixRoot || p.Entry.LogRoot != head.LogRoot:
		return nil, wire.Refuse("log-forked", "witnesses saw another tree of size %d", head.Size)
	}
	return b.Policy.CheckQuorum(p.Checkpoint, nowMs, b.Config.MaxBehind+minutes, minutes)
}

// Successor is the log after one that ended.
type Successor struct {
	Origin, URL            string
	Fingerprint, BundleKey [32]byte
}

// LogEnd is the end of a log.
type LogEnd struct {
	Origin    string
	Position  uint64
	Reason    string
	Successor *Successor
}

const endContext = "glasskey log end v1\x00"

// VerifyLogEnd verifies a SignedLogEnd against the log, its last entry, and the leaf that the entry added.
func VerifyLogEnd(b []byte, origin string, bundleKey []byte, position uint64, vrfOutput, commitment [32]byte) (*LogEnd, error) {
	ascii := func(s []byte) string {
		for _, c := range s {
			if c < ' ' || c > '~' {
				wire.Malformed("text that is not printable ASCII")
			}
		}
		return string(s)
	}
	var signature []byte
	e, err := wire.Decode(b, func(r *wire.Reader) *LogEnd {
		if v := r.U8(); v != 1 || len(b) > 2048 {
			wire.Malformed("format %d, or too long", v)
		}
		e := &LogEnd{ascii(r.Opaque(1, 255)), r.U64(), ascii(r.Opaque(0, 255)), nil}
		if r.Optional() {
			e.Successor = &Successor{ascii(r.Opaque(1, 255)), ascii(r.Opaque(0, 1024)), r.Hash(), r.Hash()}
		}
		signature = r.Bytes(64)
		return e
	})
	if err != nil {
		return nil, wire.Refuse("bad-log-end", "%v", err)
	}
	encoded := b[:len(b)-64]
	switch {
	case !suite.VerifyEd25519(bundleKey, append([]byte(endContext), encoded...), signature):
		return nil, wire.Refuse("bad-log-end", "the signature does not hold")
	case e.Origin != origin || e.Position != position:
		return nil, wire.Refuse("bad-log-end", "of another log or entry")
	case vrfOutput != sha256.Sum256([]byte(endContext)) || commitment != sha256.Sum256(encoded):
		return nil, wire.Refuse("bad-log-end", "the entry is not bound to it")
	}
	return e, nil
}
