// Package identity has what a label's value is: records, the rules of their chain, certificates, and the labels themselves.
package identity

import (
	"unicode/utf8"

	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// Authorizations of a record.
const (
	Initial = iota + 1
	Key
	Maintenance
	Recovery
	Operator
)

// Kinds of maintenance.
const (
	Renewal = iota + 1
	Expiry
	Revocation
	Erasure
)

// Phases of a recovery.
const (
	Requested = iota + 1
	Effective
)

// Evidence vouches for a key.
type Evidence struct {
	Type       uint8  // application (1), oidc (2), email (3), import (4)
	Issuer     string // of oidc
	Possession uint8  // of import: not shown (1), shown (2)
}

// Pending is a recovery that waits.
type Pending struct {
	Key      [32]byte // its name
	Evidence Evidence
}

// Authorization says who made a version.
type Authorization struct {
	Type           uint8
	Evidence       Evidence // initial
	Signer         [32]byte // key
	Signature      []byte
	Kind           uint8 // maintenance
	CRLReason      uint8
	Phase          uint8 // recovery
	PendingVersion uint32
	First, Last    uint64
	Reason         string // operator
}

// Record is an IdentityRecord.
type Record struct {
	Previous     [32]byte
	Certificates [][]byte
	Pending      *Pending
	By           Authorization
}

func text(r *wire.Reader, least, most int) string {
	b := r.Opaque(least, most)
	if !utf8.Valid(b) {
		wire.Malformed("text that is not UTF-8")
	}
	return string(b)
}

// choice reads an enum of 1 to most.
func choice(r *wire.Reader, what string, most uint8) uint8 {
	v := r.U8()
	if v < 1 || v > most {
		wire.Malformed("%s %d", what, v)
	}
	return v
}

func readEvidence(r *wire.Reader) (e Evidence) {
	switch e.Type = choice(r, "evidence", 4); e.Type {
	case 2:
		e.Issuer = text(r, 1, 255)
	case 4:
		e.Possession = choice(r, "possession", 2)
	}
	return e
}

func format(r *wire.Reader) {
	if v := r.U8(); v != 1 {
		wire.Malformed("format %d", v)
	}
}

// DecodeRecord decodes an IdentityRecord. It says nothing about the rules.
func DecodeRecord(b []byte) (*Record, error) {
	return wire.Decode(b, func(r *wire.Reader) *Record {
		format(r)
		v := &Record{Previous: r.Hash()}
		v.Certificates = wire.List(r, 0, 255, func(r *wire.Reader) []byte { return r.Opaque(1, 65535) })
		if r.Optional() {
			v.Pending = &Pending{r.Hash(), readEvidence(r)}
		}
		a := &v.By
		switch a.Type = choice(r, "authorization", Operator); a.Type {
		case Initial:
			a.Evidence = readEvidence(r)
		case Key:
			a.Signer, a.Signature = r.Hash(), r.Opaque(1, 1024)
		case Maintenance:
			if a.Kind = choice(r, "maintenance", Erasure); a.Kind == Revocation {
				a.CRLReason = r.U8()
			}
		case Recovery:
			if a.Phase = choice(r, "phase", Effective); a.Phase == Effective {
				a.PendingVersion, a.First, a.Last = r.U32(), r.U64(), r.U64()
			}
		case Operator:
			a.Reason = text(r, 1, 255)
		}
		return v
	})
}

// UpdateValue encodes the value of a version for its commitment.
func UpdateValue(value []byte) []byte { return wire.Writer{}.Opaque(value, 1<<32-1) }

// Commitment is the commitment to a record (KT §11.6).
func Commitment(label []byte, version uint32, opening, value []byte) [32]byte {
	return suite.Commitment(opening, label, version, UpdateValue(value))
}

// ChangeRequest is what a key signs.
type ChangeRequest struct {
	Origin   string
	Label    []byte
	Version  uint32
	Previous [32]byte
	After    [][32]byte
}

func less(a, b [32]byte) bool { return string(a[:]) < string(b[:]) }

// DecodeChangeRequest decodes a ChangeRequest.
func DecodeChangeRequest(b []byte) (*ChangeRequest, error) {
	return wire.Decode(b, func(r *wire.Reader) *ChangeRequest {
		c := &ChangeRequest{text(r, 1, 255), r.Opaque(1, 255), r.U32(), r.Hash(), wire.List(r, 0, 255, (*wire.Reader).Hash)}
		for i := 1; i < len(c.After); i++ {
			if !less(c.After[i-1], c.After[i]) {
				wire.Malformed("names of keys that do not ascend")
			}
		}
		return c
	})
}

// Message are the bytes that are signed.
func (c *ChangeRequest) Message() []byte {
	w := wire.Writer("glasskey change v1\x00").Opaque([]byte(c.Origin), 255).Opaque(c.Label, 255).U32(c.Version).Raw(c.Previous[:])
	w = w.Count(len(c.After), 255)
	for _, h := range c.After {
		w = w.Raw(h[:])
	}
	return w
}

// Link is a version with what opens its commitment.
type Link struct {
	Version        uint32
	Opening, Value []byte
}

// ChainRequest asks for versions.
type ChainRequest struct {
	Label       []byte
	First, Last uint32
}

// Encode encodes the request.
func (c ChainRequest) Encode() []byte {
	return wire.Writer{}.Opaque(c.Label, 255).U32(c.First).U32(c.Last)
}

// DecodeChainRequest decodes a ChainRequest.
func DecodeChainRequest(b []byte) (ChainRequest, error) {
	return wire.Decode(b, func(r *wire.Reader) ChainRequest {
		c := ChainRequest{r.Opaque(0, 255), r.U32(), r.U32()}
		if c.Last < c.First || c.Last-c.First >= 64 {
			wire.Malformed("versions %d to %d", c.First, c.Last)
		}
		return c
	})
}

// DecodeChain decodes the ChainResponse to a request: the first of the versions, and at least one.
func DecodeChain(b []byte, request ChainRequest) ([]Link, error) {
	return wire.Decode(b, func(r *wire.Reader) []Link {
		next := request.First
		links := wire.List(r, 1, 255, func(r *wire.Reader) Link {
			l := Link{next, r.Bytes(16), r.Opaque(0, 1<<32-1)}
			next++
			return l
		})
		if len(links) > int(request.Last-request.First)+1 {
			wire.Malformed("%d versions too many", len(links))
		}
		return links
	})
}
