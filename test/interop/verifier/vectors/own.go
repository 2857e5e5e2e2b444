package vectors

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"glasskey.example/verifier/bundle"
	"glasskey.example/verifier/identity"
	"glasskey.example/verifier/kt"
	"glasskey.example/verifier/wire"
)

var checkers = map[string]checker{
	"lookup":             lookup,
	"audited-lookup":     lookup,
	"contact-monitoring": contactMonitoring,
	"lookup-batch":       lookupBatch,
	"standing":           standing,
	"distinguished-walk": distinguishedWalk,
	"owner-monitoring":   ownerMonitoring,
	"credential-request": credentialRequest,
	"credential-text":    credentialText,
	"shared-heads":       sharedHeads,
	"chain":              chain,
	"change-request":     changeRequest,
	"identity":           identityLabel,
	"identity-record":    identityRecord,
	"record-chain":       recordChain,
	"audit-entry":        auditEntry,
	"entry-bundle":       entryBundle,
	"auditor-update":     auditorUpdate,
	"checkpoint":         checkpoint,
	"tlog-proof":         tlogProof,
	"witnessed-head":     witnessedHead,
	"log-end":            logEnd,
	"trust-bundle":       trustBundle,
	"bundle-successor":   bundleSuccessor,
}

type jsonEntry struct {
	Position    uint64 `json:"position"`
	TimestampMs uint64 `json:"timestampMs"`
	PrefixRoot  Hex    `json:"prefixRoot"`
}

type jsonView struct {
	Size         uint64      `json:"size"`
	FullSubtrees []Hex       `json:"fullSubtrees"`
	Frontier     []jsonEntry `json:"frontier"`
	Signature    Hex         `json:"signature"`
	Auditor      Hex         `json:"auditorTreeHead,omitempty"`
}

func hashes(list []Hex) (out []kt.Hash) {
	for _, h := range list {
		out = append(out, h.hash())
	}
	return out
}

func hexes(list [][32]byte) []Hex {
	out := []Hex{}
	for _, h := range list {
		out = append(out, hexOf(h))
	}
	return out
}

func frontier(list []jsonEntry) (out []kt.Entry) {
	for _, e := range list {
		out = append(out, kt.Entry{Position: e.Position, TimestampMs: e.TimestampMs, PrefixRoot: e.PrefixRoot.hash()})
	}
	return out
}

func (v *jsonView) view() *kt.View {
	if v == nil {
		return nil
	}
	view := &kt.View{Size: v.Size, FullSubtrees: hashes(v.FullSubtrees), Frontier: frontier(v.Frontier), Signature: v.Signature}
	if len(v.Auditor) > 0 {
		head := wire.Must(wire.Decode(v.Auditor, kt.ReadAuditorHead))
		view.AuditorSize = &head.Size
	}
	return view
}

func viewOf(v *kt.View) *jsonView {
	if v == nil {
		return nil
	}
	out := &jsonView{Size: v.Size, FullSubtrees: hexes(v.FullSubtrees), Signature: v.Signature}
	for _, e := range v.Frontier {
		out.Frontier = append(out.Frontier, jsonEntry{e.Position, e.TimestampMs, hexOf(e.PrefixRoot)})
	}
	return out
}

// config decodes a Configuration; VRF proofs that held once are not computed again, so that flipping every bit of an
// answer takes seconds.
func config(encoded Hex) *kt.Configuration {
	c := wire.Must(kt.DecodeConfiguration(encoded))
	c.Suite.VRF = remember(c.Suite.VRF)
	return c
}

func lookup(in input) (any, error) {
	var v struct {
		Configuration, Request, Response Hex
		NowMs                            uint64
		View                             *jsonView
	}
	in.into(&v)
	last, label, err := kt.ParseLookupRequest(v.Request)
	wire.Check(err)
	view := v.View.view()
	if view != nil && last != view.Size {
		wire.Fail("usage", "the request is of another view")
	}
	l := wire.Must(config(v.Configuration).VerifyLookup(v.Response, label, view, v.NowMs))
	out := object{"type": "absent", "size": l.View.Size, "logRoot": hexOf(l.View.Root()), "labelKey": hexOf(l.LabelKey)}
	if f := l.Found; f != nil {
		out["type"], out["version"], out["value"], out["commitment"] = "found", f.Version, Hex(f.Value), hexOf(f.Commitment)
	}
	return out, nil
}

type jsonPair struct {
	Position uint64 `json:"position"`
	Version  uint32 `json:"version"`
}

type jsonVersion struct {
	Version    uint32 `json:"version"`
	VrfOutput  Hex    `json:"vrfOutput"`
	Commitment *Hex   `json:"commitment"`
}

func pairsOf(list []kt.Pair) []jsonPair {
	out := []jsonPair{}
	for _, p := range list {
		out = append(out, jsonPair(p))
	}
	return out
}

func pairs(list []jsonPair) (out []kt.Pair) {
	for _, p := range list {
		out = append(out, kt.Pair(p))
	}
	return out
}

func ladderOf(known map[uint32]kt.Version) []jsonVersion {
	out := []jsonVersion{}
	for _, number := range slices.Sorted(maps.Keys(known)) {
		v := known[number]
		j := jsonVersion{number, hexOf(v.Key), nil}
		if v.Commitment != nil {
			h := hexOf(*v.Commitment)
			j.Commitment = &h
		}
		out = append(out, j)
	}
	return out
}

func ladder(list []jsonVersion) map[uint32]kt.Version {
	out := map[uint32]kt.Version{}
	for _, j := range list {
		v := kt.Version{Key: j.VrfOutput.hash()}
		if j.Commitment != nil {
			h := j.Commitment.hash()
			v.Commitment = &h
		}
		out[j.Version] = v
	}
	return out
}

func contactMonitoring(in input) (any, error) {
	var v struct {
		Operation                        string
		Configuration, Request, Response Hex
		NowMs                            uint64
		State                            struct {
			View    *jsonView
			Entries []jsonPair
			Ladder  []jsonVersion
		}
	}
	in.into(&v)
	c := config(v.Configuration)
	old := v.State.View.view()
	contact := kt.Contact{Map: pairs(v.State.Entries), Known: ladder(v.State.Ladder)}
	out := object{}
	var view *kt.View
	if v.Operation == "contact-monitor" {
		_, label, err := kt.ParseLookupRequest(v.Request[:len(v.Request)-1-12*len(contact.Map)])
		wire.Check(err)
		if string(contact.Request(old.Size, label)) != string(v.Request) {
			wire.Fail("usage", "another request")
		}
		contact, view, err = c.VerifyContactMonitor(v.Response, contact, old, v.NowMs)
		wire.Check(err)
	} else {
		var l *kt.Lookup
		if v.Operation == "lookup" {
			_, label, err := kt.ParseLookupRequest(v.Request)
			wire.Check(err)
			l = wire.Must(c.VerifyLookup(v.Response, label, old, v.NowMs))
		} else {
			_, label, version, err := kt.ParseSearchRequest(v.Request)
			wire.Check(err)
			l = wire.Must(c.VerifySearch(v.Response, label, version, old, v.NowMs))
		}
		view = l.View
		out["version"] = nil
		if f := l.Found; f != nil {
			out["version"], out["value"], out["commitment"] = f.Version, Hex(f.Value), hexOf(f.Commitment)
			contact = wire.Must(contact.Add(f))
		}
	}
	out["size"], out["logRoot"] = view.Size, hexOf(view.Root())
	out["state"] = object{"view": viewOf(view), "entries": pairsOf(contact.Map), "ladder": ladderOf(contact.Known)}
	return out, nil
}

func chain(in input) (any, error) {
	var v struct{ Configuration, Request, Response Hex }
	in.into(&v)
	request := wire.Must(identity.DecodeChainRequest(v.Request))
	links := wire.Must(identity.DecodeChain(v.Response, request))
	list, commitments := []object{}, []Hex{}
	for _, l := range links {
		list = append(list, object{"opening": Hex(l.Opening), "value": Hex(l.Value)})
		commitments = append(commitments, hexOf(identity.Commitment(request.Label, l.Version, l.Opening, l.Value)))
	}
	return object{"first": request.First, "last": request.Last, "links": list, "commitments": commitments}, nil
}

func changeRequest(in input) (any, error) {
	var v struct{ Request, Spki, Signature Hex }
	in.into(&v)
	c := wire.Must(identity.DecodeChangeRequest(v.Request))
	if !identity.VerifyChange(v.Spki, c.Message(), v.Signature) {
		wire.Fail("bad-signature", "of the change")
	}
	return object{"origin": c.Origin, "label": Hex(c.Label), "version": c.Version, "previousCommitment": hexOf(c.Previous),
		"spkisAfter": hexes(c.After), "message": Hex(c.Message())}, nil
}

func evidence(e identity.Evidence) object {
	out := object{"type": []string{"", "application", "oidc", "email", "import"}[e.Type]}
	switch e.Type {
	case 2:
		out["issuer"] = e.Issuer
	case 4:
		out["possession"] = []string{"", "not-shown", "shown"}[e.Possession]
	}
	return out
}

func identityRecord(in input) (any, error) {
	var v struct {
		Value, Label, Opening Hex
		Version               uint32
	}
	in.into(&v)
	r := wire.Must(identity.DecodeRecord(v.Value))
	certificates := []Hex{}
	for _, der := range r.Certificates {
		certificates = append(certificates, der)
	}
	record := object{"previousCommitment": hexOf(r.Previous), "certificates": certificates, "pending": nil}
	if p := r.Pending; p != nil {
		record["pending"] = object{"spkiSha256": hexOf(p.Key), "evidence": evidence(p.Evidence)}
	}
	a := r.By
	by := object{"type": []string{"", "initial", "key", "maintenance", "recovery", "operator"}[a.Type]}
	switch a.Type {
	case identity.Initial:
		by["evidence"] = evidence(a.Evidence)
	case identity.Key:
		by["signer"], by["signature"] = hexOf(a.Signer), Hex(a.Signature)
	case identity.Maintenance:
		by["kind"] = []string{"", "renewal", "expiry", "revocation", "erasure"}[a.Kind]
		if a.Kind == identity.Revocation {
			by["reason"] = a.CRLReason
		}
	case identity.Recovery:
		by["phase"] = []string{"", "requested", "effective"}[a.Phase]
		if a.Phase == identity.Effective {
			by["pendingVersion"], by["firstPosition"], by["lastPosition"] = a.PendingVersion, a.First, a.Last
		}
	case identity.Operator:
		by["reason"] = a.Reason
	}
	record["authorization"] = by
	return object{"record": record, "commitment": hexOf(identity.Commitment(v.Label, v.Version, v.Opening, v.Value))}, nil
}

type jsonLink struct {
	Version        uint32
	Opening, Value Hex
}

func (l *jsonLink) link() *identity.Link {
	if l == nil {
		return nil
	}
	return &identity.Link{Version: l.Version, Opening: l.Opening, Value: l.Value}
}

func recordChain(in input) (any, error) {
	var v struct {
		Origin            string
		Label, Commitment Hex
		Held              *jsonLink
		Between, Earlier  []*jsonLink
		Waited            bool
		Latest            jsonLink
	}
	in.into(&v)
	var between []*identity.Link
	for _, l := range v.Between {
		between = append(between, l.link())
	}
	verdict := wire.Must(identity.Follow(v.Origin, v.Label, v.Held.link(), between, *v.Latest.link(), v.Commitment.hash(),
		func(version uint32) *identity.Link {
			if int(version) >= len(v.Earlier) {
				return nil
			}
			return v.Earlier[version].link()
		},
		func(uint32, [32]byte, uint64, uint64) bool { return v.Waited }))
	if verdict.Fault != nil {
		return object{"verdict": verdict.Verdict, "fault": wire.Code(verdict.Fault)}, nil
	}
	return object{"verdict": verdict.Verdict, "links": verdict.Links, "fault": nil}, nil
}

func auditEntry(in input) (any, error) {
	var v struct{ Entry, Configuration, Update Hex }
	in.into(&v)
	e := wire.Must(bundle.DecodeAuditEntry(v.Entry))
	matches := e.ConfigHash == sha256.Sum256(v.Configuration) && e.UpdateHash == sha256.Sum256(v.Update)
	return object{"timestampMs": e.TimestampMs, "prefixRoot": hexOf(e.PrefixRoot), "logRoot": hexOf(e.LogRoot),
		"configHash": hexOf(e.ConfigHash), "updateHash": hexOf(e.UpdateHash), "leafHash": hexOf(e.LeafHash()), "matches": matches}, nil
}

func entryBundle(in input) (any, error) {
	var v struct {
		Bundle Hex
		Count  int
	}
	in.into(&v)
	entries := []Hex{}
	for _, e := range wire.Must(bundle.DecodeEntryBundle(v.Bundle, v.Count)) {
		entries = append(entries, e.Encoded)
	}
	return object{"entries": entries}, nil
}

func auditorUpdate(in input) (any, error) {
	var v struct {
		State struct {
			Size, TimestampMs uint64
			PrefixRoot        Hex
			FullSubtrees      []Hex
		}
		Update Hex
	}
	in.into(&v)
	u := wire.Must(kt.DecodeAuditorUpdate(v.Update))
	s := kt.AuditorState{Size: v.State.Size, TimestampMs: v.State.TimestampMs, PrefixRoot: v.State.PrefixRoot.hash(), FullSubtrees: hashes(v.State.FullSubtrees)}
	s = wire.Must(s.Apply(u))
	return object{"size": s.Size, "timestampMs": s.TimestampMs, "prefixRoot": hexOf(s.PrefixRoot),
		"logRoot": hexOf(kt.RootOf(s.Size, s.FullSubtrees)), "updateHash": hexOf(sha256.Sum256(v.Update))}, nil
}

func vkeys(texts []string) (out []bundle.Vkey) {
	for _, text := range texts {
		out = append(out, wire.Must(bundle.ParseVkey(text)))
	}
	return out
}

func checkpoint(in input) (any, error) {
	var v struct {
		Origin, Checkpoint string
		Vkeys              []string
	}
	in.into(&v)
	c := wire.Must(bundle.ParseCheckpoint(v.Checkpoint, v.Origin, vkeys(v.Vkeys)))
	return object{"size": c.Size, "rootHash": hexOf(c.Root)}, nil
}

func tlogProof(in input) (any, error) {
	var v struct {
		Origin, Proof string
		Vkeys         []string
	}
	in.into(&v)
	p := wire.Must(bundle.ParseTlogProof(v.Proof, v.Origin, vkeys(v.Vkeys)))
	return object{"index": p.Index, "size": p.Checkpoint.Size, "logRoot": hexOf(p.Entry.LogRoot)}, nil
}

func logEnd(in input) (any, error) {
	var v struct {
		LogEnd, BundleKey, VrfOutput, Commitment Hex
		Origin                                   string
		Position                                 uint64
	}
	in.into(&v)
	e := wire.Must(bundle.VerifyLogEnd(v.LogEnd, v.Origin, v.BundleKey, v.Position, v.VrfOutput.hash(), v.Commitment.hash()))
	out := object{"reason": e.Reason, "successor": nil}
	if s := e.Successor; s != nil {
		out["successor"] = object{"origin": s.Origin, "url": s.URL, "fingerprint": hexOf(s.Fingerprint), "bundleKey": hexOf(s.BundleKey)}
	}
	return out, nil
}

func trustBundle(in input) (any, error) {
	var v struct{ Text string }
	in.into(&v)
	b := wire.Must(bundle.Parse([]byte(v.Text)))
	fingerprint := b.Fingerprint()
	return object{"canonical": b.Canonical, "fingerprint": hex.EncodeToString(fingerprint[:])}, nil
}

func bundleSuccessor(in input) (any, error) {
	var v struct{ Pinned, Next string }
	in.into(&v)
	pinned, next := wire.Must(bundle.Parse([]byte(v.Pinned))), wire.Must(bundle.Parse([]byte(v.Next)))
	wire.Check(bundle.CheckSuccessor(pinned, next))
	return object{"sequence": next.Sequence}, nil
}

func identityLabel(in input) (any, error) {
	var v struct {
		Typed string
		Rules struct{ UriSchemes []string }
	}
	in.into(&v)
	id := wire.Must(identity.ParseIdentity(v.Typed, v.Rules.UriSchemes))
	name := identity.CertificateName(id.Label)
	return object{"text": id.Text, "label": Hex(id.Label), "san": object{"kind": name.Kind, "value": name.Value}}, nil
}

func credentialRequest(in input) (any, error) {
	var v struct {
		Type    string
		Request Hex
	}
	in.into(&v)
	if v.Type == "credential" {
		r := wire.Must(kt.DecodeCredentialRequest(v.Request))
		return object{"label": Hex(r.Label), "position": r.Position}, nil
	}
	r := wire.Must(kt.DecodeCredentialUpdateRequest(v.Request))
	return object{"label": Hex(r.Label), "version": r.Version, "treeSize": r.TreeSize, "terminal": r.Terminal, "distinguished": r.Distinguished}, nil
}

func credentialText(in input) (any, error) {
	var v struct {
		Text, Origin  string
		Configuration Hex
		NowMs         uint64
		Heads         []struct {
			jsonEntry
			FullSubtrees []Hex
			Frontier     []jsonEntry
		}
	}
	in.into(&v)
	var heads []kt.Head
	for _, h := range v.Heads {
		heads = append(heads, kt.Head{Entry: frontier([]jsonEntry{h.jsonEntry})[0], FullSubtrees: hashes(h.FullSubtrees), Frontier: frontier(h.Frontier)})
	}
	c := wire.Must(config(v.Configuration).VerifyCredential(v.Text, v.Origin, heads, v.NowMs))
	return object{"label": Hex(c.Label), "version": c.Version, "value": Hex(c.Value), "commitment": hexOf(c.Commitment),
		"position": c.Position, "asOfMs": c.AsOfMs, "final": c.Final}, nil
}

func sharedHeads(in input) (any, error) {
	var v struct{ Text, Mine, Theirs string }
	in.into(&v)
	if v.Text != "" {
		s := wire.Must(kt.ParseSharedHeads(v.Text))
		heads := []object{}
		for _, h := range s.Heads {
			heads = append(heads, object{"position": h.Position, "logRoot": hexOf(h.LogRoot)})
		}
		return object{"origin": s.Origin, "heads": heads}, nil
	}
	common, last, err := kt.CompareHeads(wire.Must(kt.ParseSharedHeads(v.Mine)), wire.Must(kt.ParseSharedHeads(v.Theirs)))
	wire.Check(err)
	return object{"common": common, "position": last}, nil
}

type jsonOwner struct {
	Start          uint64        `json:"start"`
	VersionAtStart *uint32       `json:"versionAtStart"`
	Upcoming       []jsonPair    `json:"upcoming"`
	Entries        []jsonPair    `json:"entries"`
	Ladder         []jsonVersion `json:"ladder"`
}

func ownerMonitoring(in input) (any, error) {
	var v struct {
		Operation                               string
		Configuration, Label, Request, Response Hex
		NowMs                                   uint64
		State                                   struct {
			View  *jsonView
			Owner *jsonOwner
		}
	}
	in.into(&v)
	c := config(v.Configuration)
	old := v.State.View.view()
	var owner *kt.Owner
	if o := v.State.Owner; o != nil {
		owner = &kt.Owner{Start: o.Start, VersionAtStart: o.VersionAtStart, Upcoming: pairs(o.Upcoming), Map: pairs(o.Entries), Known: ladder(o.Ladder)}
	}
	out := object{}
	var view *kt.View
	var err error
	switch v.Operation {
	case "owner-init":
		start := wire.Must(kt.ParseOwnerInitRequest(v.Request))
		owner, view, err = c.VerifyOwnerInit(v.Response, v.Label, start, old, v.NowMs)
		wire.Check(err)
	case "update":
		u := wire.Must(c.VerifyUpdate(v.Response, v.Label, owner, old, v.NowMs))
		created := []object{}
		for _, m := range u.Created {
			created = append(created, object{"version": m.Version, "value": Hex(m.Value), "commitment": hexOf(m.Commitment)})
		}
		out["position"], out["created"], out["proved"] = u.Position, created, u.Proved
		owner, view = u.Owner, u.View
	default:
		var complete bool
		owner, view, complete, err = c.VerifyOwnerMonitor(v.Response, owner, old, v.NowMs)
		wire.Check(err)
		out["complete"] = complete
	}
	out["size"], out["logRoot"] = view.Size, hexOf(view.Root())
	out["state"] = object{"view": viewOf(view), "owner": jsonOwner{owner.Start, owner.VersionAtStart, pairsOf(owner.Upcoming), pairsOf(owner.Map), ladderOf(owner.Known)}}
	return out, nil
}

// asked are the fields that inputs of answers share.
type asked struct {
	Configuration, Request, Response Hex
	NowMs                            uint64
	View                             *jsonView
}

func lookupBatch(in input) (any, error) {
	var v asked
	in.into(&v)
	_, labels, err := kt.ParseLookupBatchRequest(v.Request)
	wire.Check(err)
	view, outcomes, err := config(v.Configuration).VerifyLookupBatch(v.Response, labels, v.View.view(), v.NowMs)
	wire.Check(err)
	list := []object{}
	for _, o := range outcomes {
		switch {
		case o.Err != nil:
			list = append(list, object{"type": "bad", "code": wire.Code(o.Err)})
		case o.Later:
			list = append(list, object{"type": "later"})
		case o.Lookup == nil:
			list = append(list, object{"type": "refused", "code": o.Code})
		case o.Lookup.Found == nil:
			list = append(list, object{"type": "absent"})
		default:
			f := o.Lookup.Found
			list = append(list, object{"type": "found", "version": f.Version, "value": Hex(f.Value), "commitment": hexOf(f.Commitment)})
		}
	}
	out := object{"size": nil, "logRoot": nil, "outcomes": list}
	if view != nil {
		out["size"], out["logRoot"] = view.Size, hexOf(view.Root())
	}
	return out, nil
}

func standing(in input) (any, error) {
	var v struct {
		asked
		Commitment Hex
	}
	in.into(&v)
	request := wire.Must(kt.ParseStandingRequest(v.Request))
	view, first, second, err := config(v.Configuration).VerifyStanding(v.Response, request, v.Commitment.hash(), v.View.view(), v.NowMs)
	wire.Check(err)
	return object{"size": view.Size, "firstMs": first, "secondMs": second}, nil
}

func distinguishedWalk(in input) (any, error) {
	var v asked
	in.into(&v)
	_, stop, err := kt.ParseDistinguishedRequest(v.Request)
	wire.Check(err)
	view, heads, roots, err := config(v.Configuration).VerifyDistinguished(v.Response, stop, v.View.view(), v.NowMs)
	wire.Check(err)
	list := []object{}
	for i, h := range heads {
		list = append(list, object{"position": h.Position, "timestampMs": h.TimestampMs, "prefixRoot": hexOf(h.PrefixRoot), "logRoot": hexOf(roots[i])})
	}
	return object{"size": view.Size, "logRoot": hexOf(view.Root()), "heads": list}, nil
}

func witnessedHead(in input) (any, error) {
	var v struct {
		Proof, Origin, Policy string
		Vkeys                 []string
		Configuration         Hex
		NowMs                 uint64
		Head                  struct {
			Size, TimestampMs   uint64
			PrefixRoot, LogRoot Hex
		}
	}
	in.into(&v)
	b := &bundle.Bundle{Origin: v.Origin, Vkeys: vkeys(v.Vkeys), Policy: wire.Must(bundle.ParsePolicy(v.Policy)), Config: wire.Must(kt.DecodeConfiguration(v.Configuration))}
	head := bundle.Shown{Size: v.Head.Size, TimestampMs: v.Head.TimestampMs, PrefixRoot: v.Head.PrefixRoot.hash(), LogRoot: v.Head.LogRoot.hash()}
	list := []object{}
	for _, c := range wire.Must(b.CheckWitnessed(v.Proof, head, v.NowMs)) {
		list = append(list, object{"witness": c.Witness, "timestampMs": c.TimestampMs})
	}
	return object{"cosigned": list}, nil
}
