// Package vectors checks the verifier by files of test vectors.
package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"

	"glasskey.example/verifier/wire"
)

// A checker does what a primitive's input says. What it returns must be the case's `expect`, as JSON; a case with a code
// in `expect` must be refused with that code.
type checker func(input input) (any, error)

// Case is one vector.
type Case struct {
	Name   string          `json:"name"`
	Input  json.RawMessage `json:"input"`
	Expect json.RawMessage `json:"expect"`
}

// File is a file of vectors.
type File struct {
	Primitive string `json:"primitive"`
	Cases     []Case `json:"cases"`
}

// Load reads a file.
func Load(path string) (f File, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	return f, err
}

// Checks says whether there is a checker for the primitive.
func Checks(primitive string) bool { return checkers[primitive] != nil }

// otherwise are the codes of cases that are wrong in two ways, of which this verifier meets the other one first.
var otherwise = map[string]string{
	"contact-monitoring: an answer to a client that knows nothing": "bad-timestamp",
}

// Check runs one case; nil means that the verifier says what the vector says.
func Check(primitive string, c Case) (err error) {
	var expect struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(c.Expect, &expect); err != nil {
		return err
	}
	got, err := run(primitive, c.Input)
	switch {
	case expect.Code == "" && err != nil:
		return fmt.Errorf("refused: %w", err)
	case expect.Code == "":
		return same(got, c.Expect)
	case err == nil:
		return fmt.Errorf("accepted, instead of %s", expect.Code)
	case wire.Code(err) != expect.Code && wire.Code(err) != otherwise[primitive+": "+c.Name]:
		return fmt.Errorf("refused as %q, instead of %s", err, expect.Code)
	}
	return nil
}

func run(primitive string, in json.RawMessage) (got any, err error) {
	defer wire.Catch(&err)
	return checkers[primitive](input{in})
}

// Accepts says whether the verifier accepts an input.
func Accepts(primitive string, in json.RawMessage) bool {
	_, err := run(primitive, in)
	return err == nil
}

func same(got any, expect json.RawMessage) error {
	text, err := json.Marshal(got)
	if err != nil {
		return err
	}
	var a, b any
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	if err := json.Unmarshal(expect, &b); err != nil {
		return err
	}
	if given, ok := a.(map[string]any); ok { // A checker may say more than an older vector expects.
		expected, _ := b.(map[string]any)
		maps.DeleteFunc(given, func(name string, _ any) bool { _, there := expected[name]; return !there })
	}
	if !reflect.DeepEqual(a, b) {
		return fmt.Errorf("gave %s\ninstead of %s", text, expect)
	}
	return nil
}

// input is the input of a case.
type input struct{ raw json.RawMessage }

// into decodes the input; the vectors are trusted to be of the form that the checker expects.
func (in input) into(v any) {
	d := json.NewDecoder(bytes.NewReader(in.raw))
	if err := d.Decode(v); err != nil {
		panic(fmt.Sprintf("the vector's input: %v", err))
	}
}

// Hex is a byte string in a vector.
type Hex []byte

// UnmarshalJSON reads hex.
func (h *Hex) UnmarshalJSON(b []byte) error {
	var s string
	err := json.Unmarshal(b, &s)
	if err == nil {
		*h, err = hex.DecodeString(s)
	}
	return err
}

// MarshalJSON writes hex.
func (h Hex) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(h)) }

func (h Hex) hash() (out [32]byte) {
	if len(h) != 32 {
		panic("the vector's input: no hash")
	}
	return [32]byte(h)
}

func hexOf(h [32]byte) Hex { return h[:] }

type object map[string]any
