package kt

import (
	"encoding/json"
	"slices"

	"glasskey.example/verifier/wire"
)

// LookupOutcome is what a batch says of one label.
type LookupOutcome struct {
	Lookup *Lookup
	Err    error  // the answer does not hold
	Code   string // of the problem, where the label was refused
	Later  bool
}

// ParseLookupBatchRequest decodes a LookupBatchRequest.
func ParseLookupBatchRequest(b []byte) (last uint64, labels [][]byte, err error) {
	labels, err = wire.Decode(b, func(r *wire.Reader) [][]byte {
		if r.Optional() {
			last = r.U64()
		}
		return wire.List(r, 1, 64, func(r *wire.Reader) []byte { return r.Opaque(0, 255) })
	})
	return last, labels, err
}

// VerifyLookupBatch verifies a LookupBatchResponse, each answer by itself, and that those which hold are of one head.
func (c *Configuration) VerifyLookupBatch(response []byte, labels [][]byte, old *View, now uint64) (view *View, out []LookupOutcome, err error) {
	defer wire.Catch(&err)
	type outcome struct {
		kind uint8
		body []byte
	}
	outcomes := wire.Must(wire.Decode(response, func(r *wire.Reader) []outcome {
		return wire.List(r, 1, 64, func(r *wire.Reader) outcome {
			switch kind := r.U8(); kind {
			case 1:
				return outcome{kind, r.Opaque(1, 1<<24-1)}
			case 2:
				return outcome{kind, r.Opaque(1, 65535)}
			case 3:
				return outcome{kind, nil}
			default:
				wire.Malformed("an outcome of type %d", kind)
				return outcome{}
			}
		})
	}))
	if len(outcomes) != len(labels) || outcomes[0].kind == 3 {
		wire.Fail("bad-response", "another number of outcomes, or the first one is put off")
	}
	for i, o := range outcomes {
		var result LookupOutcome
		switch o.kind {
		case 1:
			result.Lookup, result.Err = c.VerifyLookup(o.body, labels[i], old, now)
			if result.Err != nil {
				break
			}
			if view == nil {
				view = result.Lookup.View
			} else if view.Size != result.Lookup.View.Size || view.Root() != result.Lookup.View.Root() {
				result = LookupOutcome{Err: wire.Refuse("view-mismatch", "two heads in one answer")}
			}
		case 2:
			var problem struct{ Code string }
			if json.Unmarshal(o.body, &problem) != nil {
				result.Err = wire.Refuse("bad-response", "a problem that is no JSON")
			}
			result.Code = problem.Code
		case 3:
			result.Later = true
		}
		out = append(out, result)
	}
	return view, out, nil
}

// StandingRequest asks whether a version was the greatest in two entries.
type StandingRequest struct {
	Last          uint64
	Label         []byte
	Version       uint32
	First, Second uint64
}

// Encode encodes the request.
func (q StandingRequest) Encode() []byte {
	return requestHead(q.Last, q.Label).U32(q.Version).U64(q.First).U64(q.Second)
}

// ParseStandingRequest decodes a StandingRequest.
func ParseStandingRequest(b []byte) (StandingRequest, error) {
	return wire.Decode(b, func(r *wire.Reader) StandingRequest {
		last, label := readRequestHead(r)
		return StandingRequest{last, label, r.U32(), r.U64(), r.U64()}
	})
}

// VerifyStanding verifies a StandingResponse and gives the times of the two entries. The commitment is that of the chain.
func (c *Configuration) VerifyStanding(response []byte, q StandingRequest, commitment Hash, old *View, now uint64) (view *View, first, second uint64, err error) {
	defer wire.Catch(&err)
	if q.First >= q.Second || q.Second >= q.Last {
		wire.Fail("usage", "entries %d and %d", q.First, q.Second)
	}
	var head FullTreeHead
	var steps []BinaryLadderStep
	proof := wire.Must(wire.Decode(response, func(r *wire.Reader) CombinedProof {
		head, steps = c.ReadFullTreeHead(r), c.readLadder(r)
		return ReadCombinedProof(r)
	}))
	versions := c.versions(q.Label, q.Version, steps, commitment)
	for number, v := range versions {
		if number != q.Version && (number < q.Version) != (v.Commitment != nil) {
			wire.Fail("bad-ladder", "a commitment for version %d is missing or needless", number)
		}
	}
	s := c.begin(head, old, proof)
	l := s.ladder(q.Version, versions, false)
	l.missing = "unexpected-version"
	for _, x := range []uint64{q.First, q.Second} {
		s.time(x)
		if o := l.inspect(x); o.compare != 0 {
			wire.Fail("bad-ladder", "version %d is not the greatest in entry %d", q.Version, x)
		}
	}
	view = s.finish(head, now)
	return view, s.times[q.First], s.times[q.Second], nil
}

// ParseDistinguishedRequest decodes a DistinguishedRequest.
func ParseDistinguishedRequest(b []byte) (last uint64, stop *uint64, err error) {
	_, err = wire.Decode(b, func(r *wire.Reader) any {
		if r.Optional() {
			last = r.U64()
		}
		if r.Optional() {
			v := r.U64()
			stop = &v
		}
		return nil
	})
	return last, stop, err
}

// VerifyDistinguished verifies a DistinguishedResponse and gives the recent distinguished entries right of `stop`, left
// to right, each with the root of the log that it ended (§10, §13.6).
func (c *Configuration) VerifyDistinguished(response []byte, stop *uint64, old *View, now uint64) (view *View, heads []Entry, roots []Hash, err error) {
	defer wire.Catch(&err)
	var head FullTreeHead
	proof := wire.Must(wire.Decode(response, func(r *wire.Reader) CombinedProof { head = c.ReadFullTreeHead(r); return ReadCombinedProof(r) }))
	s := c.begin(head, old, proof)
	var found []uint64
	var visit func(x, left, right uint64)
	visit = func(x, left, right uint64) {
		if right-left < c.Window {
			return
		}
		time := s.time(x)
		if hasRight(x, s.size) {
			visit(rightChild(x, s.size), time, right)
		}
		if (stop != nil && x <= *stop) || len(found) == recentHeads || s.expired(x) {
			return
		}
		found = append(found, x)
		if level(x) > 0 {
			visit(leftChild(x), left, time)
		}
	}
	visit(rootOf(s.size), 0, s.time(s.size-1))
	view = s.finish(head, now)
	slices.Reverse(found)
	for _, x := range found {
		heads = append(heads, Entry{x, s.times[x], s.roots[x]})
		roots = append(roots, RootOf(x+1, s.batch.heads(x+1)))
	}
	return view, heads, roots, nil
}
