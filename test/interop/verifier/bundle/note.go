package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"filippo.io/mldsa"

	"glasskey.example/verifier/suite"
	"glasskey.example/verifier/wire"
)

// Types of keys of signed notes.
const (
	noteEd25519     = 1
	cosignEd25519   = 4
	cosignMLDSA44   = 6
	maxSignatures   = 64
	maxNote         = 1 << 20
	mldsa44KeyBytes = 1312
)

// Vkey is a verifier key of C2SP signed-note.
type Vkey struct {
	Name string
	ID   uint32
	Type byte
	Key  []byte
}

func validName(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r == '+' || r < ' ' || unicode.IsSpace(r) })
}

// ParseVkey reads a vkey.
func ParseVkey(text string) (v Vkey, err error) {
	defer wire.Catch(&err)
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 || !validName(parts[0]) || len(parts[1]) != 8 {
		wire.Malformed("no vkey")
	}
	id, err := hex.DecodeString(parts[1])
	b, ok := unbase64(parts[2])
	if err != nil || !ok || len(b) < 1 {
		wire.Malformed("no vkey")
	}
	v = Vkey{parts[0], binary.BigEndian.Uint32(id), b[0], b[1:]}
	switch {
	case (v.Type == noteEd25519 || v.Type == cosignEd25519) && suite.ValidEd25519Key(v.Key):
	case v.Type == cosignMLDSA44 && len(v.Key) == mldsa44KeyBytes:
	default:
		wire.Malformed("a key of type %d and %d bytes", v.Type, len(v.Key))
	}
	sum := sha256.Sum256(append([]byte(v.Name+"\n"), b...))
	if v.ID != binary.BigEndian.Uint32(sum[:]) {
		wire.Malformed("a key ID that is not the key's")
	}
	return v, nil
}

// Cosignature is one by a witness, with its time in seconds.
type cosignature struct {
	name      string
	id        uint32
	signature []byte
}

// Checkpoint is a tlog-checkpoint that the log has signed.
type Checkpoint struct {
	Size       uint64
	Root       [32]byte
	text       string
	signatures []cosignature
}

func decimal(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && strconv.FormatUint(n, 10) == s && n <= wire.MaxNumber
}

// ParseCheckpoint reads a checkpoint without extension lines and checks that a key of the log has signed it.
func ParseCheckpoint(note, origin string, vkeys []Vkey) (c *Checkpoint, err error) {
	defer wire.Catch(&err)
	refuse := func(format string, args ...any) { wire.Fail("bad-checkpoint", format, args...) }
	if len(note) > maxNote || !utf8.ValidString(note) || strings.ContainsFunc(note, func(r rune) bool { return r < ' ' && r != '\n' }) {
		refuse("no note")
	}
	split := strings.LastIndex(note, "\n\n")
	if split < 0 {
		refuse("no signature")
	}
	c = &Checkpoint{text: note[:split+1]}
	lines := strings.Split(c.text, "\n")
	if len(lines) != 4 || lines[0] != origin {
		refuse("of another log, or not of three lines")
	}
	size, ok := decimal(lines[1])
	root, ok2 := unbase64(lines[2])
	if !ok || !ok2 || len(root) != 32 {
		refuse("a size or a root that is none")
	}
	c.Size, c.Root = size, [32]byte(root)
	signatures, ended := strings.CutSuffix(note[split+2:], "\n")
	all := strings.Split(signatures, "\n")
	if !ended || len(all) > maxSignatures {
		refuse("no signatures, or too many")
	}
	good := false
	for _, line := range all {
		line, dash := strings.CutPrefix(line, "— ")
		name, encoded, _ := strings.Cut(line, " ")
		b, ok := unbase64(encoded)
		if !dash || !validName(name) || !ok || len(b) < 5 {
			refuse("a line that is no signature")
		}
		s := cosignature{name, binary.BigEndian.Uint32(b), b[4:]}
		c.signatures = append(c.signatures, s)
		for _, v := range vkeys {
			if v.Type == noteEd25519 && v.Name == origin && v.Name == s.name && v.ID == s.id {
				if !suite.VerifyEd25519(v.Key, []byte(c.text), s.signature) {
					refuse("a signature that does not hold")
				}
				good = true
			}
		}
	}
	if !good {
		refuse("no signature by a key of the log")
	}
	return c, nil
}

// Policy is a witness policy (C2SP tlog-policy).
type Policy struct {
	witnesses map[string]Vkey
	groups    map[string]group
	quorum    string
}

type group struct {
	least   int
	members []string
}

// None says whether the policy asks for no witness.
func (p *Policy) None() bool { return p.quorum == "none" }

// ParsePolicy reads a policy.
func ParsePolicy(text string) (p *Policy, err error) {
	defer wire.Catch(&err)
	p = &Policy{map[string]Vkey{}, map[string]group{}, ""}
	defined := func(name string) bool {
		_, w := p.witnesses[name]
		_, g := p.groups[name]
		return w || g
	}
	newName := func(name string) string {
		if name == "none" || defined(name) {
			wire.Malformed("%q is defined twice", name)
		}
		return name
	}
	var keys [][]byte
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		switch {
		case len(f) == 0 || strings.HasPrefix(f[0], "#"):
		case f[0] == "log" && (len(f) == 2 || len(f) == 3):
			wire.Must(ParseVkey(f[1]))
		case f[0] == "witness" && (len(f) == 3 || len(f) == 4):
			v := wire.Must(ParseVkey(f[2]))
			if v.Type == noteEd25519 || slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, v.Key) }) {
				wire.Malformed("a witness that is none, or twice")
			}
			keys = append(keys, v.Key)
			p.witnesses[newName(f[1])] = v
		case f[0] == "group" && len(f) >= 4:
			g := group{1, f[3:]}
			switch f[2] {
			case "any":
			case "all":
				g.least = len(g.members)
			default:
				n, ok := decimal(f[2])
				if !ok || n < 1 || n > uint64(len(g.members)) {
					wire.Malformed("a group of %s", f[2])
				}
				g.least = int(n)
			}
			for i, name := range g.members {
				if !defined(name) || slices.Contains(g.members[:i], name) {
					wire.Malformed("a member %q that is not defined, or twice", name)
				}
			}
			p.groups[newName(f[1])] = g
		case f[0] == "quorum" && len(f) == 2 && p.quorum == "" && (f[1] == "none" || defined(f[1])):
			p.quorum = f[1]
		default:
			wire.Malformed("the line %q", line)
		}
	}
	if p.quorum == "" {
		wire.Malformed("no quorum")
	}
	return p, nil
}

// Cosigned is a cosignature that counts.
type Cosigned struct {
	Witness     string // the name of its key
	TimestampMs uint64
}

// CheckQuorum asks for cosignatures of the quorum, none of those that count older or newer than given (ms). A cosignature
// by a witness of the policy that does not verify is bad-checkpoint.
func (p *Policy) CheckQuorum(c *Checkpoint, nowMs, maxAgeMs, maxAheadMs uint64) (counted []Cosigned, err error) {
	times := map[string]uint64{} // of witnesses, by their names in the policy
	for _, name := range slices.Sorted(maps.Keys(p.witnesses)) {
		v := p.witnesses[name]
		for _, s := range c.signatures {
			if v.Name != s.name || v.ID != s.id {
				continue
			}
			time, ok := v.cosigned(c, s.signature)
			if !ok {
				return nil, wire.Refuse("bad-checkpoint", "a cosignature by %s does not hold", v.Name)
			}
			if time <= nowMs+maxAheadMs && time+maxAgeMs >= nowMs {
				times[name] = max(times[name], time)
			}
		}
		if time, ok := times[name]; ok {
			counted = append(counted, Cosigned{v.Name, time})
		}
	}
	var met func(name string) bool
	met = func(name string) bool {
		if _, isGroup := p.groups[name]; !isGroup {
			_, ok := times[name]
			return ok
		}
		n := 0
		for _, member := range p.groups[name].members {
			if met(member) {
				n++
			}
		}
		return n >= p.groups[name].least
	}
	if !p.None() && !met(p.quorum) {
		return nil, wire.Refuse("not-witnessed", "the quorum has not cosigned size %d lately", c.Size)
	}
	return counted, nil
}

// cosigned verifies a timestamped signature and gives its time in ms (C2SP tlog-cosignature).
func (v Vkey) cosigned(c *Checkpoint, b []byte) (timeMs uint64, ok bool) {
	if len(b) < 8 {
		return 0, false
	}
	seconds, signature := binary.BigEndian.Uint64(b), b[8:]
	if seconds > wire.MaxNumber/1000 {
		return 0, false
	}
	if v.Type == cosignEd25519 {
		message := "cosignature/v1\ntime " + strconv.FormatUint(seconds, 10) + "\n" + c.text
		return seconds * 1000, suite.VerifyEd25519(v.Key, []byte(message), signature)
	}
	key, err := mldsa.NewPublicKey(mldsa.MLDSA44(), v.Key)
	if err != nil {
		return 0, false
	}
	origin, _, _ := strings.Cut(c.text, "\n")
	message := wire.Writer("subtree/v1\n\x00").Opaque([]byte(v.Name), 255).U64(seconds).Opaque([]byte(origin), 255).U64(0).U64(c.Size).Raw(c.Root[:])
	return seconds * 1000, mldsa.Verify(key, message, signature, nil) == nil
}
