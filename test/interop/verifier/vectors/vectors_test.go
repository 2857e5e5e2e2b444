package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// own is the folder of the project's vectors.
func own() string {
	if dir := os.Getenv("VERIFIER_VECTORS"); dir != "" {
		return dir
	}
	return "../../../vectors/own"
}

// TestOwn checks the vectors of the project: `test/vectors/own`.
func TestOwn(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(own(), "*.json"))
	if len(files) == 0 {
		t.Fatal("no vectors")
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) { checkFile(t, path) })
	}
}

func checkFile(t *testing.T, path string) {
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !Checks(f.Primitive) {
		t.Skipf("no checker for %q", f.Primitive)
	}
	for _, c := range f.Cases {
		t.Run(c.Name, func(t *testing.T) {
			if err := Check(f.Primitive, c); err != nil {
				t.Error(err)
			}
		})
	}
}

// flipped are the fields of which a bit is flipped, and the step from one flipped bit to the next.
var flipped = []struct {
	primitive, field string
	step             int
}{
	{"lookup", "response", 1}, {"audited-lookup", "response", 9}, {"contact-monitoring", "response", 9}, {"owner-monitoring", "response", 9},
	{"standing", "response", 9}, {"distinguished-walk", "response", 9},
	{"log-end", "logEnd", 1}, {"change-request", "request", 1}, {"change-request", "signature", 1},
	{"tlog-proof", "proof", 1}, {"checkpoint", "checkpoint", 1}, {"trust-bundle", "text", 1}, {"credential-text", "text", 9},
}

// unbound are cases with parts that nothing authenticates: what an unknown key signed, text around a credential, and a
// value that the answer does not prove (`proved` is false): the next round of monitoring does.
var unbound = map[string]bool{
	"signed by the log and by a key that is not known": true,
	"in a message": true,
	"version 3, in a distinguished entry, which the answer does not show": true,
}

// TestFlippedBits flips bits of what is accepted and authenticated: every one, or one in nine where that takes long. Each must be refused.
func TestFlippedBits(t *testing.T) {
	for _, flip := range flipped {
		f, err := Load(filepath.Join(own(), flip.primitive+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Cases {
			if !Accepts(flip.primitive, c.Input) || unbound[c.Name] {
				continue
			}
			t.Run(flip.primitive+"/"+flip.field+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				var in map[string]any
				if err := json.Unmarshal(c.Input, &in); err != nil {
					t.Fatal(err)
				}
				good := []byte(in[flip.field].(string))
				if !texts[flip.field] {
					good, _ = hex.DecodeString(string(good))
				}
				for i := 0; i < len(good)*8; i += flip.step {
					bad := bytes.Clone(good)
					bad[i/8] ^= 0x80 >> (i % 8)
					if in[flip.field] = Hex(bad); texts[flip.field] {
						if !utf8.Valid(bad) {
							continue // JSON cannot say it.
						}
						in[flip.field] = string(bad)
					}
					text, _ := json.Marshal(in)
					if Accepts(flip.primitive, text) {
						t.Errorf("bit %d of byte %d flipped, and accepted", i%8, i/8)
					}
				}
			})
		}
	}
}
