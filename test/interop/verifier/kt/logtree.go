package kt

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"glasskey.example/verifier/wire"
)

// Hash is a hash of the cipher suite.
type Hash = [32]byte

// LeafHash is the value of a leaf of the log tree (§11.8).
func LeafHash(timestamp uint64, prefixRoot Hash) Hash {
	return sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, timestamp), prefixRoot[:]...))
}

// parentHash joins subtrees of `left` and `right` leaves.
func parentHash(left Hash, leftLeaves uint64, right Hash, rightLeaves uint64) Hash {
	kind := func(leaves uint64) byte {
		if leaves == 1 {
			return 0
		}
		return 1
	}
	b := append([]byte{kind(leftLeaves)}, left[:]...)
	b = append(append(b, kind(rightLeaves)), right[:]...)
	return sha256.Sum256(b)
}

// span is a subtree of the log tree: its first leaf and how many it has.
type span struct{ start, leaves uint64 }

func balanced(n uint64) bool { return n&(n-1) == 0 }

// FullSubtrees are the largest balanced subtrees of a log, left to right.
func fullSubtrees(size uint64) (out []span) {
	for start := uint64(0); start < size; {
		leaves := uint64(1) << (bits.Len64(size-start) - 1)
		out = append(out, span{start, leaves})
		start += leaves
	}
	return out
}

// batch evaluates a batch proof (§12.1).
type batch struct {
	size     uint64
	cut      uint64 // another size whose root is wanted, or 0
	leaves   map[uint64]Hash
	retained map[span]Hash
	elements []Hash
	computed map[span]Hash
}

// BatchProof computes the root of a log of `size` entries from some leaves, the retained full subtrees of its first
// `last` entries, and a proof. `cut` is a size whose root shall be known, too, or 0.
func evaluateBatch(size, cut, last uint64, leaves map[uint64]Hash, retained, elements []Hash) *batch {
	spans := fullSubtrees(last)
	if len(spans) != len(retained) {
		wire.Fail("bad-log-proof", "%d full subtrees for %d entries", len(retained), last)
	}
	b := &batch{size, cut, leaves, map[span]Hash{}, elements, map[span]Hash{}}
	for i, s := range spans {
		b.retained[s] = retained[i]
	}
	b.value(span{0, size})
	if len(b.elements) > 0 {
		wire.Fail("bad-log-proof", "%d elements too many", len(b.elements))
	}
	return b
}

func (b *batch) value(s span) (out Hash) {
	head, known := b.retained[s]
	hasLeaf := false
	for at := range b.leaves {
		hasLeaf = hasLeaf || (at >= s.start && at < s.start+s.leaves)
	}
	isCut := s.start < b.cut && b.cut < s.start+s.leaves
	overlaps := false // whether a retained subtree is a proper part
	for r := range b.retained {
		overlaps = overlaps || (r.start >= s.start && r.start+r.leaves <= s.start+s.leaves && r != s)
	}
	switch {
	case s.leaves == 1 && hasLeaf:
		out = b.leaves[s.start]
	case known && !hasLeaf && !isCut:
		out = head
	case balanced(s.leaves) && !hasLeaf && !isCut && !overlaps:
		if len(b.elements) == 0 {
			wire.Fail("bad-log-proof", "too few elements")
		}
		out, b.elements = b.elements[0], b.elements[1:]
	default:
		half := uint64(1) << (bits.Len64(s.leaves-1) - 1)
		left := b.value(span{s.start, half})
		right := b.value(span{s.start + half, s.leaves - half})
		out = parentHash(left, half, right, s.leaves-half)
	}
	if known && out != head {
		wire.Fail("bad-log-proof", "a subtree is not the one that was retained")
	}
	b.computed[s] = out
	return out
}

// heads are the full subtrees of the first `size` entries.
func (b *batch) heads(size uint64) (out []Hash) {
	for _, s := range fullSubtrees(size) {
		head, ok := b.computed[s]
		if !ok {
			wire.Fail("bad-log-proof", "it does not give the log of %d entries", size)
		}
		out = append(out, head)
	}
	return out
}

// RootOf joins the full subtrees of a log to its root.
func RootOf(size uint64, heads []Hash) Hash {
	spans := fullSubtrees(size)
	if len(spans) != len(heads) || size == 0 {
		wire.Fail("bad-log-proof", "%d full subtrees for %d entries", len(heads), size)
	}
	last := len(spans) - 1
	root, leaves := heads[last], spans[last].leaves
	for i := last - 1; i >= 0; i-- {
		root = parentHash(heads[i], spans[i].leaves, root, leaves)
		leaves += spans[i].leaves
	}
	return root
}

// AppendLeaf gives the full subtrees after one more leaf.
func AppendLeaf(size uint64, heads []Hash, leaf Hash) []Hash {
	out := append([]Hash{}, heads...)
	leaves := uint64(1)
	for n := size; n&1 == 1; n >>= 1 {
		leaf = parentHash(out[len(out)-1], leaves, leaf, leaves)
		out = out[:len(out)-1]
		leaves *= 2
	}
	return append(out, leaf)
}
