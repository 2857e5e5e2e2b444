package kt

import (
	"bytes"
	"slices"

	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// Deployment modes (§11.2).
const (
	ContactMonitoring    = 1
	ThirdPartyManagement = 2
	ThirdPartyAuditing   = 3
)

// Configuration is the long-term configuration of a log (§11.2).
type Configuration struct {
	Encoded         []byte
	Suite           *suite.Suite
	Mode            uint8
	SignatureKey    []byte
	VRFKey          []byte
	LeafKey         []byte // of third-party management
	MaxAuditorLag   uint64 // this and the next two: of third-party auditing
	AuditorStart    uint64
	AuditorKey      []byte
	MaxAhead        uint64
	MaxBehind       uint64
	Window          uint64 // the reasonable monitoring window
	MaximumLifetime uint64 // 0: entries do not expire
}

// DecodeConfiguration decodes a Configuration and checks its keys.
func DecodeConfiguration(b []byte) (*Configuration, error) {
	return wire.Decode(b, func(r *wire.Reader) *Configuration {
		c := &Configuration{Encoded: bytes.Clone(b)}
		if c.Suite = suite.ByID(r.U16()); c.Suite == nil {
			wire.Malformed("a cipher suite that is not known")
		}
		if c.Mode = r.U8(); c.Mode < ContactMonitoring || c.Mode > ThirdPartyAuditing {
			wire.Malformed("a deployment mode of %d", c.Mode)
		}
		c.SignatureKey, c.VRFKey = r.Opaque(0, 65535), r.Opaque(0, 65535)
		switch c.Mode {
		case ThirdPartyManagement:
			c.LeafKey = r.Opaque(0, 65535)
			wire.Check(c.Suite.CheckKeys(c.LeafKey, c.VRFKey))
		case ThirdPartyAuditing:
			c.MaxAuditorLag, c.AuditorStart, c.AuditorKey = r.U64(), r.U64(), r.Opaque(0, 65535)
			wire.Check(c.Suite.CheckKeys(c.AuditorKey, c.VRFKey))
		}
		wire.Check(c.Suite.CheckKeys(c.SignatureKey, c.VRFKey))
		c.MaxAhead, c.MaxBehind, c.Window = r.U64(), r.U64(), r.U64()
		if r.Optional() {
			if c.MaximumLifetime = r.U64(); c.MaximumLifetime <= c.Window {
				wire.Malformed("a lifetime that is not above the monitoring window")
			}
		}
		return c
	})
}

// AuditorHead is an AuditorTreeHead (§11.3).
type AuditorHead struct {
	Timestamp, Size uint64
	Signature       []byte
}

// ReadAuditorHead decodes an AuditorTreeHead.
func ReadAuditorHead(r *wire.Reader) AuditorHead {
	return AuditorHead{r.U64(), r.U64(), r.Opaque(0, 65535)}
}

// FullTreeHead is a tree head as it is sent (§11.4).
type FullTreeHead struct {
	Same      bool
	Size      uint64
	Signature []byte
	Auditor   *AuditorHead
}

// ReadFullTreeHead decodes a FullTreeHead.
func (c *Configuration) ReadFullTreeHead(r *wire.Reader) (h FullTreeHead) {
	switch kind := r.U8(); kind {
	case 1:
		h.Same = true
	case 2:
		h.Size, h.Signature = r.U64(), r.Opaque(0, 65535)
		if c.Mode == ThirdPartyAuditing {
			a := ReadAuditorHead(r)
			h.Auditor = &a
		}
	default:
		wire.Malformed("a head of type %d", kind)
	}
	return h
}

// Entry is a log entry that a client keeps.
type Entry struct {
	Position    uint64
	TimestampMs uint64
	PrefixRoot  Hash
}

// View is what a client keeps of the tree head that it verified last (§4.2). No view is size 0.
type View struct {
	Size         uint64
	FullSubtrees []Hash
	Frontier     []Entry
	Signature    []byte
	AuditorSize  *uint64 // of the auditor's head, where there was one
}

// Root is the root of the log that the view is of.
func (v *View) Root() Hash { return RootOf(v.Size, v.FullSubtrees) }

func (v *View) check() {
	if v.Size == 0 {
		return
	}
	var at []uint64
	for _, e := range v.Frontier {
		at = append(at, e.Position)
	}
	if !slices.Equal(at, Frontier(v.Size)) {
		wire.Fail("state-corrupt", "the frontier that was kept is not one of %d entries", v.Size)
	}
}

func headBytes(config []byte, auditorTime *uint64, size uint64, root Hash) []byte {
	w := wire.Writer{}.Raw(config)
	if auditorTime != nil {
		w = w.U64(*auditorTime)
	}
	return w.U64(size).Raw(root[:])
}

// VerifyTreeHead checks the signature of a TreeHead.
func (c *Configuration) VerifyTreeHead(size uint64, root Hash, signature []byte) bool {
	return c.Suite.Verify(c.SignatureKey, headBytes(c.Encoded, nil, size, root), signature)
}

// verifyHead checks a FullTreeHead by the roots that the proof implies (§11.4), and the clock (§4.2).
func (c *Configuration) verifyHead(h FullTreeHead, old *View, now uint64, s *replay) *View {
	next := &View{Size: s.size, FullSubtrees: s.batch.heads(s.size), Signature: h.Signature, AuditorSize: nil}
	for _, x := range Frontier(s.size) {
		next.Frontier = append(next.Frontier, Entry{x, s.times[x], s.roots[x]})
	}
	if h.Same {
		next.Signature, next.AuditorSize = old.Signature, old.AuditorSize
	}
	if !c.VerifyTreeHead(s.size, s.batch.computed[span{0, s.size}], next.Signature) {
		wire.Fail("bad-signature", "of the tree head")
	}
	last := s.times[s.size-1]
	if last > now+c.MaxAhead {
		wire.Fail("tree-head-too-new", "by %d ms", last-now)
	}
	if now > last && now-last > c.MaxBehind {
		wire.Fail("tree-head-too-old", "by %d ms", now-last)
	}
	if a := h.Auditor; a != nil {
		if old.Size > 0 {
			seen := old.Size // without an auditor's head
			if old.AuditorSize != nil {
				seen = *old.AuditorSize
			}
			if seen < c.AuditorStart {
				wire.Fail("bad-tree-head", "nobody audits the entries before %d", c.AuditorStart)
			}
		}
		if a.Timestamp > last || last-a.Timestamp > c.MaxAuditorLag {
			wire.Fail("bad-tree-head", "the auditor's head is of the wrong time")
		}
		root := RootOf(a.Size, s.batch.heads(a.Size))
		if !c.Suite.Verify(c.AuditorKey, headBytes(c.Encoded, &a.Timestamp, a.Size, root), a.Signature) {
			wire.Fail("bad-signature", "of the auditor's tree head")
		}
		next.AuditorSize = &a.Size
	}
	return next
}
