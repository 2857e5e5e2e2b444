package client

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"glasskey.example/verifier/bundle"
	"glasskey.example/verifier/identity"
	"glasskey.example/verifier/kt"
	"glasskey.example/verifier/wire"
)

const (
	mediaType    = "application/vnd.glasskey.keytrans"
	maxAnswer    = 8 << 20
	maxVersions  = 4096 // that are followed at once
	maxChain     = 32 << 20
	firstLook    = 64
	chainRequest = 64
)

// Client is one server, as a bundle and a state know it.
type Client struct {
	URL    string
	Bundle *bundle.Bundle
	State  *State
	Out    io.Writer // what was verified
	Now    func() time.Time
	HTTP   *http.Client
}

// New holds a server to a bundle, which is pinned, or may take the place of the pinned one.
func New(url string, b *bundle.Bundle, s *State, out io.Writer) (*Client, error) {
	if s.Bundle != "" {
		pinned, err := bundle.Parse([]byte(s.Bundle))
		if err != nil {
			return nil, err
		}
		if err := bundle.CheckSuccessor(pinned, b); err != nil {
			return nil, err
		}
	}
	s.Bundle = string(b.Text)
	return &Client{strings.TrimSuffix(url, "/"), b, s, out, time.Now, &http.Client{Timeout: time.Minute}}, nil
}

func (c *Client) say(format string, args ...any) { fmt.Fprintf(c.Out, format+"\n", args...) }

// fetch reads a whole answer, or fails with the code of its problem details.
func (c *Client) fetch(response *http.Response, err error, kind string) []byte {
	if err != nil {
		wire.Fail("network", "%v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer {
		wire.Fail("bad-response", "too long, or cut off: %v", err)
	}
	if response.StatusCode != http.StatusOK {
		var problem struct{ Code, Detail string }
		_ = json.Unmarshal(body, &problem)
		wire.Fail("refused", "%s: %s %s", response.Status, problem.Code, problem.Detail)
	}
	if got, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "" && got != kind {
		wire.Fail("bad-response", "it is %q", got)
	}
	return body
}

func (c *Client) ask(operation string, request []byte) []byte {
	response, err := c.HTTP.Post(c.URL+"/keytrans/v1/"+operation, mediaType, bytes.NewReader(request))
	return c.fetch(response, err, mediaType)
}

func (c *Client) nowMs() uint64 { return uint64(c.Now().UnixMilli()) }

func (c *Client) last() uint64 {
	if c.State.View == nil {
		return 0
	}
	return c.State.View.Size
}

// witnessed asks for the cosignatures of a head that is new to the client.
func (c *Client) witnessed(view *kt.View) {
	root := view.Root()
	if !c.Bundle.Policy.None() {
		response, err := c.HTTP.Get(fmt.Sprintf("%s/log/proof/%d", c.URL, view.Size))
		proof := c.fetch(response, err, "")
		last := view.Frontier[len(view.Frontier)-1]
		head := bundle.Shown{Size: view.Size, TimestampMs: last.TimestampMs, PrefixRoot: last.PrefixRoot, LogRoot: root}
		cosigned := wire.Must(c.Bundle.CheckWitnessed(string(proof), head, c.nowMs()))
		c.say("the quorum has cosigned it: %v", cosigned)
	}
	switch c.last() {
	case 0:
		c.say("tree head of %d entries, root %x: signed", view.Size, root)
	case view.Size:
		c.say("tree head of %d entries, root %x: the one that was known", view.Size, root)
	default:
		c.say("tree head of %d entries, root %x: signed, and it extends the %d that were known", view.Size, root, c.last())
	}
}

// Lookup looks a label up and verifies all of it. Only then it changes the state.
func (c *Client) Lookup(label string) (found bool, verdict string, err error) {
	defer wire.Catch(&err)
	old := c.State.Contacts[label]
	answer := wire.Must(c.Bundle.Config.VerifyLookup(c.ask("lookup", kt.LookupRequest(c.last(), []byte(label))), []byte(label), c.State.View, c.nowMs()))
	c.witnessed(answer.View)
	c.say("search key of version 0: %x, by the VRF", answer.LabelKey)
	f := answer.Found
	if f == nil {
		if old != nil {
			wire.Fail("bad-chain", "version %d was there before", old.Version)
		}
		c.State.View = answer.View
		c.say("%s: the log has no such name, proved in every entry that a search looks at", label)
		return false, "absent", nil
	}
	next := &Contact{Version: f.Version, Opening: hex.EncodeToString(f.Opening), Value: hex.EncodeToString(f.Value)}
	before := kt.Contact{}
	if old != nil {
		before = old.keytrans()
	}
	next.set(wire.Must(before.Add(f)))
	c.say("%s: version %d is the greatest, with the commitment %x", label, f.Version, f.Commitment)
	v := c.follow(label, old, f, answer.View)
	certificates := wire.Must(v.Record.VerifyCertificates(label, identity.Trust{Roots: c.Bundle.Roots, Issuers: c.Bundle.Issuers,
		Now: c.Now(), MaxAhead: time.Duration(c.Bundle.Config.MaxAhead) * time.Millisecond}))
	for _, certificate := range certificates {
		state := "valid until"
		if certificate.Expired {
			state = "EXPIRED at"
		}
		c.say("  certificate %x of the key %x: leads to a root of the bundle, names the identity, %s %s",
			certificate.SerialNumber, certificate.Key, state, certificate.NotAfter.Format(time.RFC3339))
	}
	if len(certificates) == 0 {
		c.say("  no certificate")
	}
	c.say("  verdict: %s %v", v.Verdict, v.Links)
	if v.Fault != nil {
		c.say("  because: %v", v.Fault)
	}
	if len(next.Map) > 0 {
		c.say("  to be monitored: %v", next.Map)
	}
	c.State.View, c.State.Contacts[label] = answer.View, next
	return true, v.Verdict, nil
}

// follow judges the versions since the one that is held, or a few before the one that was found.
func (c *Client) follow(label string, old *Contact, f *kt.Found, view *kt.View) *identity.Verdict {
	latest := identity.Link{Version: f.Version, Opening: f.Opening, Value: f.Value}
	var held *identity.Link
	var between []*identity.Link
	if old != nil {
		held = &identity.Link{Version: old.Version, Opening: unhex(old.Opening), Value: unhex(old.Value)}
		if f.Version > old.Version {
			between = c.chain(label, old.Version+1, f.Version)
		}
	} else if f.Version > 0 {
		if links := c.chain(label, f.Version-min(f.Version, firstLook), f.Version); len(links) > 0 {
			held, between = links[0], links[1:]
		}
	}
	v := wire.Must(identity.Follow(c.Bundle.Origin, []byte(label), held, between, latest, f.Commitment, c.history(label), c.waited(label, view)))
	if old != nil || v.Fault != nil {
		return v
	}
	if held != nil && held.Version == 0 { // Follow has bound it to its successor.
		link, err := identity.JudgeFirst(wire.Must(identity.DecodeRecord(held.Value)))
		if err != nil {
			return &identity.Verdict{Verdict: "unexplained", Fault: err, Record: v.Record}
		}
		v.Links = append([]string{link}, v.Links...)
	}
	v.Verdict = "first-seen"
	return v
}

// history fetches versions again, some at a time, from later to earlier ones.
func (c *Client) history(label string) identity.History {
	fetched := map[uint32]*identity.Link{}
	return func(version uint32) *identity.Link {
		if _, there := fetched[version]; !there {
			for _, l := range c.chain(label, version-min(version, chainRequest-1), version+1) {
				fetched[l.Version] = l
			}
		}
		return fetched[version]
	}
}

// waited asks the log, as the client has just seen it, how long a recovery waited.
func (c *Client) waited(label string, view *kt.View) identity.Waited {
	return func(version uint32, commitment [32]byte, first, last uint64) bool {
		request := kt.StandingRequest{Last: view.Size, Label: []byte(label), Version: version, First: first, Second: last}
		if first >= last || last >= view.Size {
			return false
		}
		answer, err := c.tryAsk("standing", request.Encode())
		if wire.Code(err) == "refused" {
			return false
		}
		wire.Check(err)
		_, from, to, err := c.Bundle.Config.VerifyStanding(answer, request, commitment, view, c.nowMs())
		wire.Check(err)
		return to-from >= uint64(c.Bundle.RecoveryDelayMs)
	}
}

func (c *Client) tryAsk(operation string, request []byte) (answer []byte, err error) {
	defer wire.Catch(&err)
	return c.ask(operation, request), nil
}

// chain asks for the versions from first to before end; none where the log refuses them, as it does after an erasure.
func (c *Client) chain(label string, first, end uint32) (out []*identity.Link) {
	size := 0
	for next := first; next < end; {
		request := identity.ChainRequest{Label: []byte(label), First: next, Last: min(end-1, next+chainRequest-1)}
		answer, err := c.tryAsk("chain", request.Encode())
		if wire.Code(err) == "refused" {
			return nil
		}
		wire.Check(err)
		if size += len(answer); size > maxChain || end-first > maxVersions {
			wire.Fail("too-far-behind", "more versions than are followed at once")
		}
		for _, l := range wire.Must(identity.DecodeChain(answer, request)) {
			out = append(out, &l)
			next++
		}
	}
	return out
}

// Monitor monitors every contact that has to be.
func (c *Client) Monitor() (err error) {
	defer wire.Catch(&err)
	for _, label := range slices.Sorted(maps.Keys(c.State.Contacts)) {
		contact := c.State.Contacts[label]
		if len(contact.Map) == 0 {
			c.say("%s: version %d, nothing to monitor", label, contact.Version)
			continue
		}
		before := contact.keytrans()
		answer := c.ask("contact-monitor", before.Request(c.last(), []byte(label)))
		next, view, err := c.Bundle.Config.VerifyContactMonitor(answer, before, c.State.View, c.nowMs())
		wire.Check(err)
		c.witnessed(view)
		c.say("%s: monitored %v, now %v", label, before.Map, next.Map)
		if len(next.Map) == 0 {
			c.say("  a distinguished entry has it: done")
		}
		contact.set(next)
		c.State.View = view
	}
	return nil
}
