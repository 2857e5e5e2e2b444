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
		t.Fatalf("no checker for %q", f.Primitive)
	}
	for _, c := range f.Cases {
		t.Run(c.Name, func(t *testing.T) {
			if err := Check(f.Primitive, c); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFlippedBits flips bits of the answers that are accepted: every one of lookups, a ninth of the others. Each must be
// refused.
func TestFlippedBits(t *testing.T) {
	for primitive, step := range map[string]int{"lookup": 1, "contact-monitoring": 9, "owner-monitoring": 9} {
		f, err := Load(filepath.Join(own(), primitive+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Cases {
			if !Accepts(primitive, c.Input) {
				continue
			}
			t.Run(primitive+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				var in map[string]any
				if err := json.Unmarshal(c.Input, &in); err != nil {
					t.Fatal(err)
				}
				good, _ := hex.DecodeString(in["response"].(string))
				for i := 0; i < len(good)*8; i += step {
					bad := bytes.Clone(good)
					bad[i/8] ^= 0x80 >> (i % 8)
					in["response"] = Hex(bad)
					text, _ := json.Marshal(in)
					if Accepts(primitive, text) {
						t.Errorf("bit %d of byte %d flipped, and accepted", i%8, i/8)
					}
				}
			})
		}
	}
}
