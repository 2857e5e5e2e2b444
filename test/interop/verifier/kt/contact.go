package kt

import (
	"cmp"
	"slices"

	"glasskey.example/verifier/wire"
)

// Contact is what a client retains of a label that it looked up ("What a client retains").
type Contact struct {
	Map   []Pair // ascending
	Known map[uint32]Version
}

// leftSubtree says whether x is in the left subtree of `of`.
func leftSubtree(x, of uint64) bool { return x < of && x >= of+1-1<<level(of) }

// Add takes up what a search leaves to monitor.
func (c Contact) Add(f *Found) (next Contact, err error) {
	defer wire.Catch(&err)
	if f.Monitor == nil {
		return c, nil
	}
	next.Known = map[uint32]Version{}
	for number, v := range c.Known {
		next.Known[number] = v
	}
	for number, v := range f.Known {
		old, there := next.Known[number]
		if there && (old.Key != v.Key || *old.Commitment != *v.Commitment) {
			wire.Fail("bad-commitment", "version %d has another value than before", number)
		}
		next.Known[number] = v
	}
	next.put(append(slices.Clone(c.Map), *f.Monitor))
	return next, nil
}

// put sets the map by the rule for pairs that meet, and forgets what no ladder needs any more.
func (c *Contact) put(pairs []Pair) {
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(b.Version, a.Version))
	})
	c.Map = nil
	needed := map[uint32]bool{}
	for _, p := range pairs {
		covered := slices.ContainsFunc(c.Map, func(k Pair) bool {
			return k.Version == p.Version || (k.Version > p.Version && (k.Position == p.Position || leftSubtree(k.Position, p.Position)))
		})
		if !covered {
			c.Map = append(c.Map, p)
			for _, v := range MonitoringLadder(p.Version) {
				needed[v] = true
			}
		}
	}
	for number := range c.Known {
		if !needed[number] {
			delete(c.Known, number)
		}
	}
}

// Request encodes a ContactMonitorRequest.
func (c Contact) Request(last uint64, label []byte) []byte {
	w := requestHead(last, label).Count(len(c.Map), 255)
	for _, p := range c.Map {
		w = w.U64(p.Position).U32(p.Version)
	}
	return w
}

// VerifyContactMonitor verifies a ContactMonitorResponse (§8.2, §13.2) and gives what to retain.
func (c *Configuration) VerifyContactMonitor(response []byte, contact Contact, old *View, now uint64) (next Contact, view *View, err error) {
	defer wire.Catch(&err)
	type answer struct {
		head  FullTreeHead
		proof CombinedProof
	}
	a := wire.Must(wire.Decode(response, func(r *wire.Reader) answer { return answer{c.ReadFullTreeHead(r), ReadCombinedProof(r)} }))
	s := c.begin(a.head, old, a.proof)
	var pairs []Pair
	shown := map[uint64]uint32{} // targets of ladders in this response
	for _, p := range slices.Backward(contact.Map) {
		if p.Position >= s.size {
			wire.Fail("state-corrupt", "entry %d is not in the log", p.Position)
		}
		if kept, _, ok := s.monitor(p, contact.Known, shown, false); ok {
			pairs = append(pairs, kept)
		}
	}
	next.Known = map[uint32]Version{}
	for number, v := range contact.Known {
		next.Known[number] = v
	}
	next.put(pairs)
	return next, s.finish(a.head, now), nil
}

// monitor follows one pair up the tree (§8.2). ok is false if it needs no more monitoring. The distinguished entry that
// would settle it is left out where the owner inspects that itself; then `by` is that entry.
func (s *replay) monitor(p Pair, versions map[uint32]Version, shown map[uint64]uint32, ownerInspects bool) (kept Pair, by *uint64, ok bool) {
	distinguished := s.distinguishedTo(p.Position)
	if distinguished[p.Position] {
		return p, &p.Position, ownerInspects
	}
	for _, x := range slices.Backward(pathTo(p.Position, s.size)) {
		if x < p.Position {
			continue
		}
		if distinguished[x] && ownerInspects {
			return p, &x, true
		}
		if target, there := shown[x]; there {
			if target <= p.Version {
				wire.Fail("version-rolled-back", "entry %d was shown for version %d, not above %d", x, target, p.Version)
			}
			return p, nil, false
		}
		s.allThere(x, MonitoringLadder(p.Version), versions)
		shown[x] = p.Version
		p.Position = x
		if distinguished[x] {
			return p, nil, false
		}
	}
	return p, nil, true
}

// allThere takes a proof that all of these versions exist; a monitoring ladder (§8.1) is one.
func (s *replay) allThere(x uint64, numbers []uint32, versions map[uint32]Version) {
	proof := s.take(x)
	if len(proof.Results) != len(numbers) {
		wire.Fail("bad-ladder", "%d results for %d versions", len(proof.Results), len(numbers))
	}
	var searched []PrefixLeaf
	for i, number := range numbers {
		v, there := versions[number]
		if !there || v.Commitment == nil {
			wire.Fail("state-corrupt", "version %d of the ladder is not known", number)
		}
		if proof.Results[i].Kind != Inclusion {
			wire.Fail("version-rolled-back", "version %d is gone in entry %d", number, x)
		}
		searched = append(searched, PrefixLeaf{v.Key, *v.Commitment})
	}
	s.setRoot(x, proof.Root(searched))
}
