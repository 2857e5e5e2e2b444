package kt

import "glasskey.example/verifier/wire"

// AuditorUpdate is what one log entry changes (§15.2).
type AuditorUpdate struct {
	Timestamp      uint64
	Added, Removed []PrefixLeaf
	Proof          PrefixProof
}

// DecodeAuditorUpdate decodes an AuditorUpdate.
func DecodeAuditorUpdate(b []byte) (*AuditorUpdate, error) {
	return wire.Decode(b, func(r *wire.Reader) *AuditorUpdate {
		return &AuditorUpdate{r.U64(), wire.List(r, 0, 65535, readPrefixLeaf), wire.List(r, 0, 65535, readPrefixLeaf), ReadPrefixProof(r)}
	})
}

// AuditorState is what an auditor keeps of the log so far.
type AuditorState struct {
	Size, TimestampMs uint64
	PrefixRoot        Hash
	FullSubtrees      []Hash
}

// Apply does an auditor's steps. Leaves are never removed from the logs that this is for.
func (a AuditorState) Apply(u *AuditorUpdate) (next AuditorState, err error) {
	defer wire.Catch(&err)
	if u.Timestamp < a.TimestampMs {
		wire.Fail("bad-timestamp", "it is before that of the entry before")
	}
	if len(u.Removed) > 0 {
		wire.Fail("bad-auditor-update", "it removes leaves")
	}
	for i := 1; i < len(u.Added); i++ {
		if string(u.Added[i-1].Key[:]) >= string(u.Added[i].Key[:]) {
			wire.Fail("bad-auditor-update", "leaves that do not ascend")
		}
	}
	for _, s := range u.Proof.Results {
		if s.Kind == Inclusion {
			wire.Fail("bad-auditor-update", "a leaf that was there before")
		}
	}
	tree := u.Proof.tree(u.Added)
	if tree.value != a.PrefixRoot {
		wire.Fail("bad-auditor-update", "of another prefix tree")
	}
	for _, leaf := range u.Added {
		tree = tree.add(0, leaf)
	}
	heads := AppendLeaf(a.Size, a.FullSubtrees, LeafHash(u.Timestamp, tree.value))
	return AuditorState{a.Size + 1, u.Timestamp, tree.value, heads}, nil
}
