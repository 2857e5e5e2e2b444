package bundle

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"glasskey.example/verifier/wire"
)

type signer struct {
	name string
	kind byte
	key  ed25519.PrivateKey
}

func newSigner(name string, kind byte) signer {
	seed := sha256.Sum256([]byte(name))
	return signer{name, kind, ed25519.NewKeyFromSeed(seed[:])}
}

func (s signer) id() []byte {
	sum := sha256.Sum256(append([]byte(s.name+"\n"), s.encoded()...))
	return sum[:4]
}

func (s signer) encoded() []byte {
	return append([]byte{s.kind}, s.key.Public().(ed25519.PublicKey)...)
}

func (s signer) vkey() string {
	return fmt.Sprintf("%s+%x+%s", s.name, s.id(), base64.StdEncoding.EncodeToString(s.encoded()))
}

func (s signer) line(signature []byte) string {
	return fmt.Sprintf("— %s %s\n", s.name, base64.StdEncoding.EncodeToString(append(s.id(), signature...)))
}

func (s signer) cosign(text string, seconds uint64) string {
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)
	return s.line(append(binary.BigEndian.AppendUint64(nil, seconds), ed25519.Sign(s.key, []byte(message))...))
}

func TestQuorum(t *testing.T) {
	log := newSigner("log.example", noteEd25519)
	a, b, c := newSigner("a.example", cosignEd25519), newSigner("b.example", cosignEd25519), newSigner("c.example", cosignEd25519)
	policy, err := ParsePolicy(strings.Join([]string{
		"# three, of which two", "witness A " + a.vkey(), "witness  B\t" + b.vkey() + " https://b.example", "witness C " + c.vkey(),
		"group AB any A B", "group all all AB C", "quorum all", "",
	}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	root := sha256.Sum256([]byte("root"))
	text := "log.example\n7\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
	signed := text + "\n" + log.line(ed25519.Sign(log.key, []byte(text)))
	vkey, err := ParseVkey(log.vkey())
	if err != nil {
		t.Fatal(err)
	}
	const now = 2_000_000_000
	for name, try := range map[string]struct {
		cosignatures string
		good         bool
	}{
		"both":           {a.cosign(text, now-10) + c.cosign(text, now), true},
		"the other":      {b.cosign(text, now-10) + c.cosign(text, now), true},
		"one twice":      {a.cosign(text, now-10) + a.cosign(text, now), false},
		"without C":      {a.cosign(text, now) + b.cosign(text, now), false},
		"none":           {"", false},
		"one is old":     {a.cosign(text, now-61) + c.cosign(text, now), false},
		"one is ahead":   {a.cosign(text, now+61) + c.cosign(text, now), false},
		"an old besides": {a.cosign(text, now-900) + b.cosign(text, now) + c.cosign(text, now), true},
		"another text":   {a.cosign(text+"x\n", now) + c.cosign(text, now), false},
	} {
		t.Run(name, func(t *testing.T) {
			checkpoint, err := ParseCheckpoint(signed+try.cosignatures, "log.example", []Vkey{vkey})
			if err != nil {
				t.Fatal(err)
			}
			_, err = policy.CheckQuorum(checkpoint, now*1000, 60_000, 60_000)
			code := "not-witnessed"
			if name == "another text" {
				code = "bad-checkpoint"
			}
			if (err == nil) != try.good || (err != nil && wire.Code(err) != code) {
				t.Error(err)
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	a := newSigner("a.example", cosignEd25519).vkey()
	for _, text := range []string{
		"", "quorum A", "witness A " + a, "witness none " + a + "\nquorum none", "witness A " + a + "\nwitness B " + a + "\nquorum A",
		"witness A " + a + "\ngroup G 2 A\nquorum G", "group G any A\nwitness A " + a + "\nquorum G", "quorum none\nquorum none",
		"witness A " + newSigner("a.example", noteEd25519).vkey() + "\nquorum A", "witness A " + a + "\ngroup G 01 A\nquorum G", "hello",
	} {
		if _, err := ParsePolicy(text); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

// TestInclusion compares proofs with trees of every small size.
func TestInclusion(t *testing.T) {
	join := func(x, y [32]byte) [32]byte { return sha256.Sum256(append(append([]byte{1}, x[:]...), y[:]...)) }
	var prove func(leaves [][32]byte, at int) (root [32]byte, path [][32]byte)
	prove = func(leaves [][32]byte, at int) (root [32]byte, path [][32]byte) {
		if len(leaves) == 1 {
			return leaves[0], nil
		}
		half := 1
		for half*2 < len(leaves) {
			half *= 2
		}
		left, pathLeft := prove(leaves[:half], at)
		right, pathRight := prove(leaves[half:], at-half)
		if at < half {
			return join(left, right), append(pathLeft, right)
		}
		return join(left, right), append(pathRight, left)
	}
	var leaves [][32]byte
	for size := 1; size < 40; size++ {
		leaves = append(leaves, sha256.Sum256([]byte{byte(size)}))
		for at := range size {
			root, path := prove(leaves, at)
			if got, ok := inclusionRoot(uint64(at), uint64(size), leaves[at], path); !ok || got != root {
				t.Fatalf("%d of %d", at, size)
			}
			if _, ok := inclusionRoot(uint64(at), uint64(size), leaves[at], append(path, root)); ok {
				t.Fatalf("%d of %d with a hash too many", at, size)
			}
		}
	}
}
