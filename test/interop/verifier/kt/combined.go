package kt

import (
	"maps"
	"slices"

	"glasskey.example/verifier/wire"
)

// CombinedProof is a CombinedTreeProof (§12.3).
type CombinedProof struct {
	Timestamps   []uint64
	PrefixProofs []PrefixProof
	PrefixRoots  []Hash
	Inclusion    []Hash
}

// ReadCombinedProof decodes a CombinedTreeProof.
func ReadCombinedProof(r *wire.Reader) CombinedProof {
	return CombinedProof{
		wire.List(r, 0, 255, (*wire.Reader).U64),
		wire.List(r, 0, 255, ReadPrefixProof),
		wire.List(r, 0, 255, (*wire.Reader).Hash),
		wire.List(r, 0, 65535, (*wire.Reader).Hash),
	}
}

// replay is one run of the algorithms over a CombinedTreeProof: what they ask for is taken from its front.
type replay struct {
	config *Configuration
	size   uint64
	old    *View
	proof  CombinedProof
	times  map[uint64]uint64 // of every entry, received or kept
	given  map[uint64]bool   // whose timestamp was received
	roots  map[uint64]Hash
	batch  *batch
}

// begin updates the view (§4.2).
func (c *Configuration) begin(head FullTreeHead, old *View, proof CombinedProof) *replay {
	if old == nil {
		old = &View{}
	}
	old.check()
	s := &replay{config: c, size: head.Size, old: old, proof: proof,
		times: map[uint64]uint64{}, given: map[uint64]bool{}, roots: map[uint64]Hash{}}
	switch {
	case head.Same && old.Size == 0:
		wire.Fail("bad-tree-head", "the same head as none")
	case head.Same:
		s.size = old.Size
	case head.Size == 0:
		wire.Fail("bad-tree-head", "of no entries")
	case head.Size <= old.Size:
		wire.Fail("tree-rolled-back", "%d entries after %d", head.Size, old.Size)
	}
	for _, e := range old.Frontier {
		s.times[e.Position], s.roots[e.Position] = e.TimestampMs, e.PrefixRoot
	}
	for _, x := range UpdateEntries(old.Size, s.size) {
		s.time(x)
	}
	return s
}

// time is the timestamp of an entry.
func (s *replay) time(x uint64) uint64 {
	if t, ok := s.times[x]; ok {
		return t
	}
	if len(s.proof.Timestamps) == 0 {
		wire.Fail("proof-exhausted", "no timestamp for entry %d", x)
	}
	t := s.proof.Timestamps[0]
	s.proof.Timestamps = s.proof.Timestamps[1:]
	s.times[x], s.given[x] = t, true
	// Monotonic with everything known so far, so that no algorithm runs on times that are not.
	for other, u := range s.times {
		if (other < x && u > t) || (other > x && u < t) {
			wire.Fail("bad-timestamp", "entries %d and %d are not in order", x, other)
		}
	}
	return t
}

// take is the next prefix proof, which is of entry x.
func (s *replay) take(x uint64) PrefixProof {
	s.time(x)
	if len(s.proof.PrefixProofs) == 0 {
		wire.Fail("proof-exhausted", "no prefix proof for entry %d", x)
	}
	p := s.proof.PrefixProofs[0]
	s.proof.PrefixProofs = s.proof.PrefixProofs[1:]
	return p
}

// setRoot notes the root of the prefix tree that a proof implies.
func (s *replay) setRoot(x uint64, root Hash) {
	if known, ok := s.roots[x]; ok && known != root {
		wire.Fail("bad-prefix-proof", "entry %d has two prefix trees", x)
	}
	s.roots[x] = root
}

// finish checks that everything was used, computes the log tree, and verifies the head by it.
func (s *replay) finish(head FullTreeHead, now uint64) *View {
	if len(s.proof.Timestamps) > 0 || len(s.proof.PrefixProofs) > 0 {
		wire.Fail("proof-left-over", "%d timestamps, %d prefix proofs", len(s.proof.Timestamps), len(s.proof.PrefixProofs))
	}
	leaves := map[uint64]Hash{}
	roots := s.proof.PrefixRoots
	for _, x := range slices.Sorted(maps.Keys(s.given)) {
		if _, ok := s.roots[x]; !ok {
			if len(roots) == 0 {
				wire.Fail("proof-exhausted", "no prefix root for entry %d", x)
			}
			s.roots[x], roots = roots[0], roots[1:]
		}
		leaves[x] = LeafHash(s.times[x], s.roots[x])
	}
	if len(roots) > 0 {
		wire.Fail("proof-left-over", "%d prefix roots", len(roots))
	}
	cut := uint64(0)
	if head.Auditor != nil {
		if cut = head.Auditor.Size; cut > s.size || cut <= s.config.AuditorStart {
			wire.Fail("bad-tree-head", "the auditor is ahead of the log, or covers nothing")
		}
	}
	s.batch = evaluateBatch(s.size, cut, s.old.Size, leaves, s.old.FullSubtrees, s.proof.Inclusion)
	return s.config.verifyHead(head, s.old, now, s)
}

// distinguished are the entries on the way to x, and x, that are distinguished (§6.1). Asks for the timestamps of those
// on the way that are.
func (s *replay) distinguishedTo(x uint64) map[uint64]bool {
	out := map[uint64]bool{}
	left, right := uint64(0), s.time(s.size-1)
	for _, at := range append(pathTo(x, s.size), x) {
		if right-left < s.config.Window {
			break
		}
		out[at] = true
		if x < at {
			right = s.time(at)
		} else if x > at {
			left = s.time(at)
		}
	}
	return out
}

// rightmostDistinguished is on the frontier.
func (s *replay) rightmostDistinguished() (x uint64, ok bool) {
	left, right := uint64(0), s.time(s.size-1)
	for _, at := range Frontier(s.size) {
		if right-left < s.config.Window {
			break
		}
		x, ok = at, true
		left = s.time(at)
	}
	return x, ok
}
