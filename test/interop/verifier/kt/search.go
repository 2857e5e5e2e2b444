package kt

import (
	"slices"

	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// BinaryLadderStep is one version of a ladder (§13.1).
type BinaryLadderStep struct {
	Proof      []byte
	Commitment *Hash
}

func (c *Configuration) readLadder(r *wire.Reader) []BinaryLadderStep { return c.readSteps(r, 255) }

func (c *Configuration) readSteps(r *wire.Reader, most int) []BinaryLadderStep {
	return wire.List(r, 0, most, func(r *wire.Reader) BinaryLadderStep {
		s := BinaryLadderStep{Proof: r.Bytes(c.Suite.VRFProof)}
		if r.Optional() {
			h := r.Hash()
			s.Commitment = &h
		}
		return s
	})
}

// UpdateValue is the value of a version (§11.5).
type UpdateValue struct {
	Encoded []byte // with its suffix
	Value   []byte
}

// ReadUpdateValue decodes an UpdateValue.
func (c *Configuration) ReadUpdateValue(r *wire.Reader) (u UpdateValue) {
	u.Value = r.Opaque(0, 1<<32-1)
	w := wire.Writer{}.Opaque(u.Value, 1<<32-1)
	if c.Mode == ThirdPartyManagement {
		w = w.Opaque(r.Opaque(0, 65535), 65535)
	}
	u.Encoded = w
	return u
}

// SearchResponse answers a search; Version is there where the request named none.
type SearchResponse struct {
	Head    FullTreeHead
	Version uint32
	Opening []byte
	Value   UpdateValue
	Ladder  []BinaryLadderStep
	Proof   CombinedProof
}

func (c *Configuration) readSearchResponse(r *wire.Reader, version *uint32) (s SearchResponse) {
	s.Head = c.ReadFullTreeHead(r)
	if version != nil {
		s.Version = *version
	} else {
		s.Version = r.U32()
	}
	s.Opening, s.Value, s.Ladder, s.Proof = r.Bytes(16), c.ReadUpdateValue(r), c.readLadder(r), ReadCombinedProof(r)
	return s
}

// LookupRequest encodes a LookupRequest.
func LookupRequest(last uint64, label []byte) []byte { return requestHead(last, label) }

// requestHead are the fields that requests begin with.
func requestHead(last uint64, label []byte) wire.Writer {
	w := wire.Writer{}.Optional(last > 0)
	if last > 0 {
		w = w.U64(last)
	}
	return w.Opaque(label, 255)
}

// readRequestHead reads what requests begin with; last is 0 for a client without a view.
func readRequestHead(r *wire.Reader) (last uint64, label []byte) {
	if r.Optional() {
		if last = r.U64(); last == 0 {
			wire.Malformed("a last of 0")
		}
	}
	return last, r.Opaque(0, 255)
}

// ParseLookupRequest decodes a LookupRequest.
func ParseLookupRequest(b []byte) (last uint64, label []byte, err error) {
	_, err = wire.Decode(b, func(r *wire.Reader) any { last, label = readRequestHead(r); return nil })
	return last, label, err
}

// ParseSearchRequest decodes a SearchRequest.
func ParseSearchRequest(b []byte) (last uint64, label []byte, version *uint32, err error) {
	_, err = wire.Decode(b, func(r *wire.Reader) any {
		last, label = readRequestHead(r)
		if r.Optional() {
			v := r.U32()
			version = &v
		}
		return nil
	})
	return last, label, version, err
}

// Found is what a lookup shows of a label that exists.
type Found struct {
	Version    uint32
	Opening    []byte
	Value      []byte
	Commitment Hash
	Known      map[uint32]Version // those of the monitoring ladder
	Monitor    *Pair              // what is to be monitored, or nil
}

// Pair is an entry of a monitoring map (§8.2).
type Pair struct {
	Position uint64
	Version  uint32
}

// Lookup is a verified answer to a LookupRequest.
type Lookup struct {
	View     *View
	LabelKey Hash // VRF output of version 0
	Found    *Found
}

func (c *Configuration) vrf(label []byte, version uint32, proof []byte) Hash {
	return wire.Must(c.Suite.VRF(c.VRFKey, wire.Writer{}.Opaque(label, 255).U32(version), proof))
}

// VerifyLookup verifies a LookupResponse in full. `old` is the view that the request advertised, or nil.
func (c *Configuration) VerifyLookup(response, label []byte, old *View, now uint64) (out *Lookup, err error) {
	defer wire.Catch(&err)
	type answer struct {
		found *SearchResponse
		head  FullTreeHead
		vrf   []byte
		proof CombinedProof
	}
	a := wire.Must(wire.Decode(response, func(r *wire.Reader) (a answer) {
		switch kind := r.U8(); kind {
		case 1:
			s := c.readSearchResponse(r, nil)
			a.found = &s
		case 2:
			a.head, a.vrf, a.proof = c.ReadFullTreeHead(r), r.Bytes(c.Suite.VRFProof), ReadCombinedProof(r)
		default:
			wire.Malformed("an answer of type %d", kind)
		}
		return a
	}))
	if a.found != nil {
		return c.verifySearch(a.found, label, false, old, now), nil
	}
	key := c.vrf(label, 0, a.vrf)
	s := c.begin(a.head, old, a.proof)
	for _, x := range s.searchEntries() {
		p := s.take(x)
		if len(p.Results) != 1 {
			wire.Fail("bad-ladder", "%d results for one version", len(p.Results))
		}
		if p.Results[0].Kind == Inclusion {
			wire.Fail("unexpected-version", "entry %d has version 0", x)
		}
		s.setRoot(x, p.Root([]PrefixLeaf{{Key: key}}))
	}
	return &Lookup{s.finish(a.head, now), key, nil}, nil
}

// searchEntries are those that a greatest-version search inspects (§6.3).
func (s *replay) searchEntries() []uint64 {
	if x, ok := s.rightmostDistinguished(); ok {
		return frontierFrom(x, s.size)
	}
	return Frontier(s.size)
}

// versions computes search keys from the ladder of a response, and the target's commitment.
func (c *Configuration) versions(label []byte, target uint32, steps []BinaryLadderStep, commitment Hash) map[uint32]Version {
	numbers := BaseLadder(target)
	if len(steps) != len(numbers) {
		wire.Fail("bad-ladder", "%d steps for %d versions", len(steps), len(numbers))
	}
	out := map[uint32]Version{}
	for i, number := range numbers {
		v := Version{c.vrf(label, number, steps[i].Proof), steps[i].Commitment}
		if number == target {
			if v.Commitment != nil {
				wire.Fail("bad-ladder", "a commitment for the target")
			}
			v.Commitment = &commitment
		}
		out[number] = v
	}
	return out
}

func known(target uint32, all map[uint32]Version) map[uint32]Version {
	out := map[uint32]Version{}
	for _, v := range MonitoringLadder(target) {
		out[v] = all[v]
	}
	return out
}

// verifySearch verifies a search for the greatest version, or for one version (§13.1).
func (c *Configuration) verifySearch(a *SearchResponse, label []byte, fixed bool, old *View, now uint64) *Lookup {
	if c.Mode == ThirdPartyManagement {
		wire.Fail("unsupported-operation", "third-party management")
	}
	commitment := suite.Commitment(a.Opening, label, a.Version, a.Value.Encoded)
	versions := c.versions(label, a.Version, a.Ladder, commitment)
	s := c.begin(a.Head, old, a.Proof)
	l := s.ladder(a.Version, versions, true)
	var end Pair
	if fixed {
		end = s.fixed(l)
	} else {
		end = Pair{s.greatest(l), a.Version}
	}
	l.checkCommitments()
	distinguished, has := s.rightmostDistinguished()
	f := &Found{a.Version, a.Opening, a.Value.Value, commitment, known(end.Version, versions), nil}
	if !has || end.Position > distinguished {
		f.Monitor = &end
	}
	return &Lookup{s.finish(a.Head, now), versions[0].Key, f}
}

// VerifySearch verifies a SearchResponse; `version` is what the request named, or nil for the greatest.
func (c *Configuration) VerifySearch(response, label []byte, version *uint32, old *View, now uint64) (out *Lookup, err error) {
	defer wire.Catch(&err)
	a := wire.Must(wire.Decode(response, func(r *wire.Reader) SearchResponse { return c.readSearchResponse(r, version) }))
	return c.verifySearch(&a, label, version != nil, old, now), nil
}

// greatest is a search for the greatest version (§6.3); it returns the terminal entry.
func (s *replay) greatest(l *ladder) (terminal uint64) {
	found := false
	for _, x := range s.searchEntries() {
		o := l.inspect(x)
		if o.compare > 0 {
			wire.Fail("unexpected-version", "entry %d has a version above %d", x, l.target)
		}
		if x == s.size-1 && o.compare != 0 {
			wire.Fail("bad-ladder", "the last entry has no version %d", l.target)
		}
		if o.contains && !found {
			terminal, found = x, true
		}
	}
	return terminal
}

// expired is §7.1.
func (s *replay) expired(x uint64) bool {
	return s.config.MaximumLifetime > 0 && s.time(s.size-1)-s.time(x) >= s.config.MaximumLifetime
}

// fixed is a search for one version (§7.2). It returns what is to be monitored where it ended: the target, or the greater
// version there.
func (s *replay) fixed(l *ladder) Pair {
	left, right := uint64(0), s.time(s.size-1)
	anyExpired := false
	var standing []uint64 // entries that are distinguished and not expired
	var above *Pair       // the leftmost entry with a greater version
	for x, more := rootOf(s.size), true; more; {
		time := s.time(x)
		distinguished := right-left >= s.config.Window
		goRight := true
		if s.expired(x) {
			anyExpired = true
		} else {
			if distinguished {
				standing = append(standing, x)
			}
			o := l.inspect(x)
			if o.compare == 0 {
				if anyExpired && (len(standing) == 0 || slices.Min(standing) > x) {
					wire.Fail("version-expired", "version %d", l.target)
				}
				return Pair{x, l.target}
			}
			if goRight = o.compare < 0; !goRight {
				above = &Pair{x, o.greater}
			}
		}
		if goRight {
			if more = hasRight(x, s.size); more {
				left, x = time, rightChild(x, s.size)
			}
		} else if more = level(x) > 0; more {
			right, x = time, leftChild(x)
		}
	}
	if above == nil {
		wire.Fail("search-not-found", "no version %d", l.target)
	}
	if anyExpired && (len(standing) == 0 || slices.Min(standing) >= above.Position) {
		wire.Fail("version-expired", "version %d", l.target)
	}
	p := s.take(above.Position)
	if len(p.Results) != 1 || p.Results[0].Kind != Inclusion {
		wire.Fail("search-not-found", "no version %d in entry %d", l.target, above.Position)
	}
	s.setRoot(above.Position, p.Root([]PrefixLeaf{l.leaf(l.target, true)}))
	return *above
}
