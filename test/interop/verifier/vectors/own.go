package vectors

import (
	"glasskey.example/verifier/kt"
	"glasskey.example/verifier/wire"
)

var checkers = map[string]checker{
	"lookup": lookup,
}

type jsonEntry struct {
	Position    uint64 `json:"position"`
	TimestampMs uint64 `json:"timestampMs"`
	PrefixRoot  Hex    `json:"prefixRoot"`
}

func entries(list []jsonEntry) (out []kt.Entry) {
	for _, e := range list {
		out = append(out, kt.Entry{Position: e.Position, TimestampMs: e.TimestampMs, PrefixRoot: e.PrefixRoot.hash()})
	}
	return out
}

func hashes(list []Hex) (out []kt.Hash) {
	for _, h := range list {
		out = append(out, h.hash())
	}
	return out
}

func lookup(in input) (any, error) {
	var v struct {
		Configuration, Request, Response Hex
		NowMs                            uint64
		View                             *struct {
			Size         uint64
			FullSubtrees []Hex
			Frontier     []jsonEntry
			Signature    Hex
		}
	}
	in.into(&v)
	config := wire.Must(kt.DecodeConfiguration(v.Configuration))
	last, label, err := kt.ParseLookupRequest(v.Request)
	wire.Check(err)
	var view *kt.View
	if v.View != nil {
		view = &kt.View{Size: v.View.Size, FullSubtrees: hashes(v.View.FullSubtrees), Frontier: entries(v.View.Frontier), Signature: v.View.Signature}
		if last != view.Size {
			wire.Fail("usage", "the request is of another view")
		}
	}
	l, err := config.VerifyLookup(v.Response, label, view, v.NowMs)
	if err != nil {
		return nil, err
	}
	out := object{"type": "absent", "size": l.View.Size, "logRoot": hexOf(l.View.Root()), "labelKey": hexOf(l.LabelKey)}
	if f := l.Found; f != nil {
		out["type"], out["version"], out["value"], out["commitment"] = "found", f.Version, Hex(f.Value), hexOf(f.Commitment)
	}
	return out, nil
}
