// Package client asks a server over HTTP, verifies what it answers, and keeps what the next answer is checked against.
package client

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"glasskey.example/verifier/kt"
	"glasskey.example/verifier/wire"
)

// State is what the client keeps, as JSON.
type State struct {
	Bundle   string              `json:"bundle"` // the pinned one
	View     *kt.View            `json:"view"`
	Contacts map[string]*Contact `json:"contacts"` // by label
}

// Contact is a name that was found.
type Contact struct {
	Version uint32           `json:"version"`
	Opening string           `json:"opening"` // hex
	Value   string           `json:"value"`
	Map     []kt.Pair        `json:"map"`
	Known   map[uint32]known `json:"known"`
}

type known struct{ Key, Commitment string }

func (c *Contact) keytrans() kt.Contact {
	out := kt.Contact{Map: c.Map, Known: map[uint32]kt.Version{}}
	for number, k := range c.Known {
		commitment := hash(k.Commitment)
		out.Known[number] = kt.Version{Key: hash(k.Key), Commitment: &commitment}
	}
	return out
}

func (c *Contact) set(k kt.Contact) {
	c.Map, c.Known = k.Map, map[uint32]known{}
	for number, v := range k.Known {
		c.Known[number] = known{hex.EncodeToString(v.Key[:]), hex.EncodeToString(v.Commitment[:])}
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		wire.Fail("state-corrupt", "what is no hex")
	}
	return b
}

func hash(s string) [32]byte {
	b := unhex(s)
	if len(b) != 32 {
		wire.Fail("state-corrupt", "what is no hash")
	}
	return [32]byte(b)
}

// LoadState reads a state file; one that is not there is empty.
func LoadState(path string) (*State, error) {
	s := &State{Contacts: map[string]*Contact{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err == nil && s.Contacts == nil {
		err = wire.Refuse("state-corrupt", "no contacts")
	}
	return s, err
}

// Save replaces the file as a whole.
func (s *State) Save(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".verifier-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
