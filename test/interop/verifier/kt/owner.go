package kt

import (
	"maps"
	"slices"

	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// Owner is what the owner of a label retains ("What a client retains").
type Owner struct {
	Start          uint64  // the rightmost distinguished entry that is verified
	VersionAtStart *uint32 // nil: there was none
	Upcoming       []Pair  // later entries that made versions
	Map            []Pair  // monitoring map
	Known          map[uint32]Version
}

// expected is the greatest version in an entry, as the owner knows it; nil for none.
func (o *Owner) expected(x uint64) *uint32 {
	version := o.VersionAtStart
	for _, u := range o.Upcoming {
		if u.Position <= x {
			version = &u.Version
		}
	}
	return version
}

// greatest is the greatest version that the owner knows.
func (o *Owner) greatest() *uint32 { return o.expected(wire.MaxNumber) }

// lastMade is the entry that made it, or the start.
func (o *Owner) lastMade() uint64 {
	if n := len(o.Upcoming); n > 0 {
		return o.Upcoming[n-1].Position
	}
	return o.Start
}

// forget keeps the search keys that later ladders need.
func (o *Owner) forget() {
	needed := map[uint32]bool{}
	need := func(version uint32) {
		for _, v := range BaseLadder(version) {
			needed[v] = true
		}
	}
	if o.greatest() == nil {
		needed[0] = true
	}
	if o.VersionAtStart != nil {
		need(*o.VersionAtStart)
	}
	for _, p := range slices.Concat(o.Upcoming, o.Map) {
		need(p.Version)
	}
	maps.DeleteFunc(o.Known, func(number uint32, _ Version) bool { return !needed[number] })
}

// ownerLadder takes the ladder of an entry and demands that the version, or none, is the greatest there.
func (s *replay) ownerLadder(x uint64, version *uint32, known map[uint32]Version) {
	target, want := uint32(0), -1
	if version != nil {
		target, want = *version, 0
	}
	s.ladder(target, known, false).demand(x, want)
}

// demand inspects an entry and demands an outcome.
func (l *ladder) demand(x uint64, want int) {
	l.missing = "unexpected-version"
	switch got := l.inspect(x).compare; {
	case got > want:
		wire.Fail("unexpected-version", "entry %d has a version that the owner does not know", x)
	case got < want:
		wire.Fail("version-rolled-back", "entry %d has not version %d", x, l.target)
	}
}

// ParseOwnerInitRequest gives the start that an OwnerInitRequest names.
func ParseOwnerInitRequest(b []byte) (start uint64, err error) {
	return wire.Decode(b, func(r *wire.Reader) uint64 { readRequestHead(r); return r.U64() })
}

// VerifyOwnerInit verifies an OwnerInitResponse (§8.3, §13.3).
func (c *Configuration) VerifyOwnerInit(response, label []byte, start uint64, old *View, now uint64) (o *Owner, view *View, err error) {
	defer wire.Catch(&err)
	var head FullTreeHead
	var greatest []uint32
	var steps []BinaryLadderStep
	proof := wire.Must(wire.Decode(response, func(r *wire.Reader) CombinedProof {
		head, greatest, steps = c.ReadFullTreeHead(r), wire.List(r, 0, 255, (*wire.Reader).U32), c.readSteps(r, 65535)
		return ReadCombinedProof(r)
	}))
	s := c.begin(head, old, proof)
	if start >= s.size || !s.distinguishedTo(start)[start] || s.expired(start) {
		wire.Fail("bad-ladder", "entry %d is not distinguished, or expired", start)
	}
	inspect := []uint64{start}
	for _, x := range slices.Backward(pathTo(start, s.size)) {
		if x < start {
			if s.expired(x) {
				break
			}
			inspect = append(inspect, x)
		}
	}
	if len(greatest) > len(inspect) || !slices.IsSortedFunc(greatest, func(a, b uint32) int { return int(int64(b) - int64(a)) }) {
		wire.Fail("bad-ladder", "versions of too many entries, or out of order")
	}
	wanted := []uint32{0}
	for _, v := range greatest {
		wanted = append(wanted, BaseLadder(v)...)
	}
	exists := func(v uint32) bool { return len(greatest) > 0 && v <= greatest[0] }
	o = &Owner{Start: start, Known: c.stepVersions(label, wanted, steps, exists)}
	for i, x := range inspect {
		var version *uint32
		if i < len(greatest) {
			version = &greatest[i]
		}
		s.ownerLadder(x, version, o.Known)
	}
	if len(greatest) > 0 {
		o.VersionAtStart = &greatest[0]
	}
	o.forget()
	return o, s.finish(head, now), nil
}

// stepVersions pairs steps with versions, each once and ascending. Those for which `committed` says so have a commitment.
func (c *Configuration) stepVersions(label []byte, numbers []uint32, steps []BinaryLadderStep, committed func(uint32) bool) map[uint32]Version {
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	if len(steps) != len(numbers) {
		wire.Fail("bad-ladder", "%d steps for %d versions", len(steps), len(numbers))
	}
	out := map[uint32]Version{}
	for i, number := range numbers {
		if committed(number) != (steps[i].Commitment != nil) {
			wire.Fail("bad-ladder", "a commitment for version %d is missing or needless", number)
		}
		out[number] = Version{c.vrf(label, number, steps[i].Proof), steps[i].Commitment}
	}
	return out
}

// Created is a version that an update tells of.
type Created struct {
	Version    uint32
	Value      []byte
	Commitment Hash
}

// Update is a verified UpdateResponse.
type Update struct {
	Owner    *Owner
	View     *View
	Position uint64
	Created  []Created
	Proved   bool // false: the entry is distinguished, and the next monitoring shows the versions
}

// VerifyUpdate verifies one UpdateResponse to a request without values (§9.1, §13.5).
func (c *Configuration) VerifyUpdate(response, label []byte, before *Owner, old *View, now uint64) (u *Update, err error) {
	defer wire.Catch(&err)
	u = &Update{}
	var head FullTreeHead
	var values []UpdateValue
	var openings [][]byte
	var steps []BinaryLadderStep
	proof := wire.Must(wire.Decode(response, func(r *wire.Reader) CombinedProof {
		if c.Mode == ThirdPartyManagement {
			wire.Fail("unsupported-operation", "third-party management")
		}
		head, u.Position = c.ReadFullTreeHead(r), r.U64()
		values = wire.List(r, 0, 255, c.ReadUpdateValue)
		openings = wire.List(r, 0, 255, func(r *wire.Reader) []byte { return r.Bytes(16) })
		steps = c.readSteps(r, 255)
		return ReadCombinedProof(r)
	}))
	if u.Position <= before.lastMade() || len(values) == 0 || len(values) != len(openings) {
		wire.Fail("bad-ladder", "no new versions right of entry %d", before.lastMade())
	}
	previous := before.greatest()
	first, shownBefore := uint64(0), []uint32{0}
	if previous != nil {
		first, shownBefore = uint64(*previous)+1, BaseLadder(*previous)
	}
	if first+uint64(len(values)) > 1<<32 {
		wire.Fail("bad-ladder", "versions above 2^32-1")
	}
	next := uint32(first)
	greatest := next + uint32(len(values)-1)
	wanted := BaseLadder(greatest)
	for i, value := range values {
		version := next + uint32(i)
		if len(values) > 1 {
			wanted = append(wanted, version)
		}
		u.Created = append(u.Created, Created{version, value.Value, suite.Commitment(openings[i], label, version, value.Encoded)})
	}
	wanted = slices.DeleteFunc(wanted, func(v uint32) bool { return slices.Contains(shownBefore, v) })
	known := maps.Clone(before.Known)
	maps.Copy(known, c.stepVersions(label, wanted, steps, func(v uint32) bool { return v < next }))
	s := c.begin(head, old, proof)
	if u.Position >= s.size {
		wire.Fail("bad-ladder", "entry %d is not in the log", u.Position)
	}
	u.Proved = s.update(u.Position, before, known, u.Created)
	pair := Pair{u.Position, greatest}
	u.Owner = &Owner{Start: before.Start, VersionAtStart: before.VersionAtStart, Upcoming: append(slices.Clone(before.Upcoming), pair),
		Map: before.Map, Known: known}
	if u.Proved {
		u.Owner.Map = tidy(append(slices.Clone(before.Map), pair))
	}
	u.Owner.forget()
	u.View = s.finish(head, now)
	return u, nil
}

// update runs the algorithm (§9.1) for versions that were created in an entry, of which `known` gets the commitments.
func (s *replay) update(position uint64, before *Owner, known map[uint32]Version, created []Created) (proved bool) {
	l := s.previousTree(position, before, known)
	var numbers []uint32
	for _, c := range created {
		v, there := known[c.Version]
		if !there {
			wire.Fail("state-corrupt", "no search key of version %d", c.Version)
		}
		v.Commitment = &c.Commitment
		known[c.Version] = v
		numbers = append(numbers, c.Version)
	}
	greatest := numbers[len(numbers)-1]
	l.target = greatest
	proved = !s.distinguishedTo(position)[position]
	if proved {
		l.demand(position, 0)
	}
	base := BaseLadder(greatest)
	extra := slices.DeleteFunc(numbers, func(v uint32) bool { return slices.Contains(base, v) })
	if len(extra) > 0 {
		s.allThere(position, extra, known)
	}
	return proved
}

// previousTree searches the log before an entry for the version that the owner knows (§9.1 steps 1 and 2), and returns
// the run of ladders, which goes on.
func (s *replay) previousTree(position uint64, o *Owner, known map[uint32]Version) *ladder {
	l := s.ladder(0, known, true)
	want := -1
	previous := o.greatest()
	if previous != nil {
		l.target, want = *previous, 0
	}
	distinguished := s.distinguishedTo(position - 1)
	frontier := Frontier(position)
	first := slices.IndexFunc(frontier, func(x uint64) bool { return !distinguished[x] })
	if first < 0 {
		return l
	}
	// countAsShown is for entries of which the owner knows what their ladder would show.
	countAsShown := func(x uint64) {
		greatest := o.expected(x)
		for _, v := range BaseLadder(l.target) {
			included := greatest != nil && v <= *greatest
			if _, there := l.included[v]; included && !there {
				l.included[v] = x
			}
			if included == (v > l.target) {
				break
			}
		}
	}
	if previous != nil && first > 0 {
		countAsShown(frontier[first-1])
	}
	for _, x := range frontier[first:] {
		if previous != nil && x <= o.lastMade() {
			countAsShown(x)
			continue
		}
		l.demand(x, want)
	}
	return l
}

// tidy is the rule for pairs of a monitoring map that meet.
func tidy(pairs []Pair) []Pair {
	c := Contact{}
	c.put(pairs)
	return c.Map
}

// VerifyOwnerMonitor verifies an OwnerMonitorResponse (§8.3, §13.4). complete is false where the owner has to ask again,
// or for new versions.
func (c *Configuration) VerifyOwnerMonitor(response []byte, before *Owner, old *View, now uint64) (o *Owner, view *View, complete bool, err error) {
	defer wire.Catch(&err)
	var head FullTreeHead
	proof := wire.Must(wire.Decode(response, func(r *wire.Reader) CombinedProof { head = c.ReadFullTreeHead(r); return ReadCombinedProof(r) }))
	s := c.begin(head, old, proof)
	if before.Start >= s.size {
		wire.Fail("state-corrupt", "the start is not in the log")
	}
	var pairs []Pair
	settledBy := map[Pair]uint64{} // the distinguished entry that the owner has to inspect for it
	shown := map[uint64]uint32{}
	for _, p := range slices.Backward(before.Map) {
		if p.Position >= s.size {
			wire.Fail("state-corrupt", "entry %d is not in the log", p.Position)
		}
		kept, by, ok := s.monitor(p, before.Known, shown, p.Position >= before.Start)
		if ok {
			pairs = append(pairs, kept)
			if by != nil {
				settledBy[kept] = *by
			}
		}
	}
	o = &Owner{Start: before.Start, VersionAtStart: before.VersionAtStart, Known: maps.Clone(before.Known)}
	stopped := false
	var visit func(x, left, right uint64)
	visit = func(x, left, right uint64) {
		if stopped || right-left < c.Window {
			return
		}
		if x > before.Start {
			if level(x) > 0 {
				visit(leftChild(x), left, s.time(x))
			}
			if stopped = stopped || len(s.proof.PrefixProofs) == 0; stopped {
				return
			}
			version := before.expected(x)
			s.ownerLadder(x, version, before.Known)
			o.Start, o.VersionAtStart = x, version
		}
		if hasRight(x, s.size) {
			visit(rightChild(x, s.size), s.time(x), right)
		}
	}
	visit(rootOf(s.size), 0, s.time(s.size-1))
	for _, u := range before.Upcoming {
		if u.Position > o.Start {
			o.Upcoming = append(o.Upcoming, u)
		}
	}
	o.Map = tidy(slices.DeleteFunc(pairs, func(p Pair) bool { by, ok := settledBy[p]; return ok && by <= o.Start }))
	o.forget()
	last, has := s.rightmostDistinguished()
	return o, s.finish(head, now), !has || o.Start >= last, nil
}
