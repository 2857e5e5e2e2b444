package vectors

import (
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"testing"
)

// fuzzed are the fields of bytes or text that a stranger sends.
var fuzzed = map[string]string{
	"lookup": "response", "audited-lookup": "response", "contact-monitoring": "response", "owner-monitoring": "response",
	"lookup-batch": "response", "standing": "response", "distinguished-walk": "response", "chain": "response",
	"identity-record": "value", "auditor-update": "update", "audit-entry": "entry", "entry-bundle": "bundle", "log-end": "logEnd",
	"change-request": "request",
	"checkpoint":     "checkpoint", "tlog-proof": "proof", "trust-bundle": "text", "credential-text": "text", "shared-heads": "text", "identity": "typed",
}

// texts are those that are not hex.
var texts = map[string]bool{"checkpoint": true, "proof": true, "text": true, "typed": true}

type seed struct {
	primitive, field string
	input            map[string]any
}

// FuzzInputs puts any bytes into the place of what vectors have. Whatever comes must be accepted or refused, without a
// fault of the program.
func FuzzInputs(f *testing.F) {
	var seeds []seed
	files, _ := filepath.Glob(filepath.Join(own(), "*.json"))
	for _, path := range files {
		file, err := Load(path)
		if err != nil {
			f.Fatal(err)
		}
		field := fuzzed[file.Primitive]
		for _, c := range file.Cases {
			var in map[string]any
			if err := json.Unmarshal(c.Input, &in); err != nil {
				f.Fatal(err)
			}
			value, ok := in[field].(string)
			if !ok {
				continue
			}
			b := []byte(value)
			if !texts[field] {
				b, _ = hex.DecodeString(value)
			}
			f.Add(len(seeds), b)
			seeds = append(seeds, seed{file.Primitive, field, in})
		}
	}
	f.Fuzz(func(t *testing.T, which int, b []byte) {
		if which < 0 || which >= len(seeds) {
			t.Skip()
		}
		s := seeds[which]
		in := map[string]any{}
		for name, value := range s.input {
			in[name] = value
		}
		if in[s.field] = Hex(b); texts[s.field] {
			in[s.field] = string(b)
		}
		text, err := json.Marshal(in)
		if err != nil {
			t.Skip()
		}
		Accepts(s.primitive, text)
	})
}
