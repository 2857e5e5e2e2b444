package kt

import (
	"crypto/sha256"

	"glasskey.example/verifier/wire"
)

// Kinds of a PrefixSearchResult (§12.2).
const (
	Inclusion          = 1
	NonInclusionLeaf   = 2
	NonInclusionParent = 3
)

// PrefixLeaf is a leaf of the prefix tree.
type PrefixLeaf struct{ Key, Commitment Hash }

// SearchResult is where the search for one key ended.
type SearchResult struct {
	Kind  uint8
	Leaf  PrefixLeaf // of NonInclusionLeaf
	Depth uint8
}

// PrefixProof is a proof about several keys.
type PrefixProof struct {
	Results  []SearchResult
	Elements []Hash
}

func readPrefixLeaf(r *wire.Reader) PrefixLeaf { return PrefixLeaf{r.Hash(), r.Hash()} }

// ReadPrefixProof decodes a PrefixProof.
func ReadPrefixProof(r *wire.Reader) PrefixProof {
	return PrefixProof{
		wire.List(r, 0, 255, func(r *wire.Reader) (s SearchResult) {
			s.Kind = r.U8()
			switch s.Kind {
			case Inclusion, NonInclusionParent:
			case NonInclusionLeaf:
				s.Leaf = readPrefixLeaf(r)
			default:
				wire.Malformed("a search result of type %d", s.Kind)
			}
			s.Depth = r.U8()
			return s
		}),
		wire.List(r, 0, 65535, (*wire.Reader).Hash),
	}
}

func leafValue(l PrefixLeaf) Hash {
	return sha256.Sum256(append(append([]byte{2}, l.Key[:]...), l.Commitment[:]...))
}

func bit(key Hash, i int) byte { return key[i/8] >> (7 - i%8) & 1 }

func sharePrefix(a, b Hash, n int) bool {
	for i := range n {
		if bit(a, i) != bit(b, i) {
			return false
		}
	}
	return true
}

// terminal is the node at which a search ended; `leaf` is nil for a stand-in.
type terminal struct {
	key   Hash // whose first `depth` bits say where it is
	depth int
	leaf  *PrefixLeaf
}

// terminals pairs results with the keys that were searched; a key's commitment counts where the result is an inclusion.
func terminals(searched []PrefixLeaf, results []SearchResult) (out []terminal) {
	if len(searched) != len(results) {
		wire.Fail("bad-prefix-proof", "%d results for %d lookups", len(results), len(searched))
	}
	for i, s := range results {
		t := terminal{searched[i].Key, int(s.Depth), nil}
		switch s.Kind {
		case Inclusion:
			t.leaf = &searched[i]
		case NonInclusionLeaf:
			if s.Leaf.Key == t.key {
				wire.Fail("bad-prefix-proof", "the leaf is the one that shall be absent")
			}
			if !sharePrefix(s.Leaf.Key, t.key, t.depth) {
				wire.Fail("bad-prefix-proof", "the leaf is not on the way to the key")
			}
			t.leaf = &s.Leaf
		}
		out = append(out, t)
	}
	return out
}

// node is what is below a place of the prefix tree: a leaf, parents, or only a hash.
type node struct {
	value       Hash
	leaf        *PrefixLeaf
	left, right *node
}

// many says how many leaves a node may have: 0, 1, or 2 for more, and for what is not known.
func (n *node) many() int {
	switch {
	case n.leaf != nil:
		return 1
	case n.left == nil && n.value == Hash{}:
		return 0
	}
	return 2
}

// Root evaluates the proof: the root of the tree in which the searches end so.
func (p PrefixProof) Root(searched []PrefixLeaf) Hash { return p.tree(searched).value }

func (p PrefixProof) tree(searched []PrefixLeaf) *node {
	elements := p.Elements
	root := buildNode(0, terminals(searched, p.Results), &elements)
	if len(elements) > 0 {
		wire.Fail("bad-prefix-proof", "%d elements too many", len(elements))
	}
	return root
}

func buildNode(depth int, ends []terminal, elements *[]Hash) *node {
	if len(ends) == 0 {
		if len(*elements) == 0 {
			wire.Fail("bad-prefix-proof", "too few elements")
		}
		n := &node{value: (*elements)[0]}
		*elements = (*elements)[1:]
		return n
	}
	if ends[0].depth == depth {
		for _, e := range ends[1:] {
			same := e.depth == depth && (e.leaf == nil) == (ends[0].leaf == nil) && (e.leaf == nil || *e.leaf == *ends[0].leaf)
			if !same {
				wire.Fail("bad-prefix-proof", "results disagree about one place")
			}
		}
		if ends[0].leaf == nil {
			return &node{}
		}
		return &node{value: leafValue(*ends[0].leaf), leaf: ends[0].leaf}
	}
	var sides [2][]terminal
	for _, e := range ends {
		if e.depth <= depth {
			wire.Fail("bad-prefix-proof", "results disagree about one place")
		}
		side := bit(e.key, depth)
		sides[side] = append(sides[side], e)
	}
	left := buildNode(depth+1, sides[0], elements)
	right := buildNode(depth+1, sides[1], elements)
	if left.many()+right.many() < 2 {
		wire.Fail("bad-prefix-proof", "a parent with fewer than two leaves")
	}
	return &node{value: prefixParent(left.value, right.value), left: left, right: right}
}

func prefixParent(left, right Hash) Hash {
	return sha256.Sum256(append(append([]byte{3}, left[:]...), right[:]...))
}

// add puts a leaf where a proof has shown that it is absent.
func (n *node) add(depth int, leaf PrefixLeaf) *node {
	switch {
	case n.left != nil:
		left, right := n.left, n.right
		if bit(leaf.Key, depth) == 0 {
			left = left.add(depth+1, leaf)
		} else {
			right = right.add(depth+1, leaf)
		}
		return &node{value: prefixParent(left.value, right.value), left: left, right: right}
	case n.leaf != nil:
		if depth > 254 || n.leaf.Key == leaf.Key {
			wire.Fail("bad-auditor-update", "two leaves that differ in no bit")
		}
		empty := &node{}
		pair := &node{left: n, right: empty}
		if bit(n.leaf.Key, depth) == 1 {
			pair.left, pair.right = empty, n
		}
		return pair.add(depth, leaf)
	case n.value == Hash{}:
		return &node{value: leafValue(leaf), leaf: &leaf}
	}
	wire.Fail("bad-auditor-update", "a leaf goes where the proof shows nothing")
	return nil
}
