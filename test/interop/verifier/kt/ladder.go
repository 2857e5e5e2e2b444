package kt

import "glasskey.example/verifier/wire"

// Version is what a client knows of one version of a label.
type Version struct {
	Key        Hash
	Commitment *Hash // nil where none was given
}

// ladder is a run of search binary ladders for one target (§6.2).
type ladder struct {
	s        *replay
	target   uint32
	versions map[uint32]Version
	omit     bool
	included map[uint32]uint64 // the leftmost entry that showed it
	absent   map[uint32]uint64 // the rightmost one
	missing  string            // the code for a version that is there and has no commitment
}

func (s *replay) ladder(target uint32, versions map[uint32]Version, omit bool) *ladder {
	return &ladder{s, target, versions, omit, map[uint32]uint64{}, map[uint32]uint64{}, "bad-ladder"}
}

// outcome of a search ladder: how the greatest version compares with the target, whether the target is there, and the
// greater version that ended it.
type outcome struct {
	compare  int
	contains bool
	greater  uint32
}

// inspect takes the ladder of entry x.
func (l *ladder) inspect(x uint64) (o outcome) {
	p := l.s.take(x)
	used := 0
	var searched []PrefixLeaf
	var shown []uint32
	for _, v := range BaseLadder(l.target) {
		var included bool
		left, wasIncluded := l.included[v]
		right, wasAbsent := l.absent[v]
		switch {
		case l.omit && wasIncluded && left < x:
			included = true
		case l.omit && wasAbsent && right > x:
			included = false
		default:
			if used == len(p.Results) {
				wire.Fail("bad-ladder", "the ladder of entry %d ends before version %d", x, v)
			}
			included = p.Results[used].Kind == Inclusion
			used++
			searched = append(searched, l.leaf(v, included))
			shown = append(shown, v)
		}
		if v == l.target {
			o.contains = included
		}
		if included && v > l.target {
			o.compare, o.contains, o.greater = 1, true, v
			break
		}
		if !included && v <= l.target {
			o.compare, o.contains = -1, false
			break
		}
	}
	if used < len(p.Results) {
		wire.Fail("bad-ladder", "%d results of entry %d, where the ladder has %d", len(p.Results), x, used)
	}
	l.s.setRoot(x, p.Root(searched))
	for i, v := range shown {
		if p.Results[i].Kind == Inclusion {
			if at, ok := l.included[v]; !ok || x < at {
				l.included[v] = x
			}
		} else if at, ok := l.absent[v]; !ok || x > at {
			l.absent[v] = x
		}
	}
	return o
}

// leaf is what the lookup of a version is about.
func (l *ladder) leaf(number uint32, included bool) PrefixLeaf {
	v, known := l.versions[number]
	if !known {
		wire.Fail("state-corrupt", "no search key of version %d", number)
	}
	if !included {
		return PrefixLeaf{Key: v.Key}
	}
	if v.Commitment == nil {
		wire.Fail(l.missing, "version %d is there, but has no commitment", number)
	}
	return PrefixLeaf{v.Key, *v.Commitment}
}

// checkCommitments demands a commitment for exactly the versions that the response showed.
func (l *ladder) checkCommitments() {
	for number, v := range l.versions {
		_, shown := l.included[number]
		if number != l.target && shown != (v.Commitment != nil) {
			wire.Fail("bad-ladder", "a commitment for version %d is missing or needless", number)
		}
	}
}
