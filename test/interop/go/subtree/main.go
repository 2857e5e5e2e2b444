// Command subtree is a log that asks a Glasskey witness for cosignatures of subtrees
// (c2sp.org/tlog-witness): the tree and its proofs are made by transparency-dev/merkle, the
// cosignatures verified by transparency-dev/formats.
package main

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	f_log "github.com/transparency-dev/formats/log"
	f_note "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"
)

// size is the number of the log's entries: its last one is no node's left child.
const size = 77

func main() {
	log.SetFlags(0)
	url := flag.String("url", "", "submission prefix of the witness, without a final slash")
	vkey := flag.String("vkey", "", "ML-DSA-44 verifier key of the witness")
	key := flag.String("key", "", "private key of the log")
	flag.Parse()
	if err := run(*url, *vkey, *key); err != nil {
		log.Fatal("subtree: ", err)
	}
}

func run(url, vkey, key string) error {
	signer, err := note.NewSigner(key)
	if err != nil {
		return err
	}
	verifier, err := f_note.NewMLDSAVerifier(vkey)
	if err != nil {
		return err
	}
	tree := testonly.New(rfc6962.DefaultHasher)
	for i := range size {
		tree.AppendData(fmt.Appendf(nil, "entry %d", i))
	}
	text := f_log.Checkpoint{Origin: signer.Name(), Size: size, Hash: tree.Hash()}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return err
	}
	lines, err := ask(url, "add-checkpoint", fmt.Sprintf("old 0\n\n%s", signed), http.StatusOK)
	if err != nil {
		return err
	}
	reference := fmt.Sprintf("%s\n%s", text, lines)
	asked := 0
	for start := uint64(0); start < size; start++ {
		for end := start + 1; end <= size; end++ {
			proof, err := tree.SubtreeConsistencyProof(start, end, size)
			// Valid ranges only, and of these a part: a witness bounds its signatures.
			if err != nil || (start*31+end*7)%9 != 0 {
				continue
			}
			asked++
			hash := tree.SubtreeHashAt(start, end)
			body := request(start, end, hash, proof, reference)
			if err := subtree(url, verifier, signer.Name(), start, end, hash, body); err != nil {
				return fmt.Errorf("[%d, %d): %w", start, end, err)
			}
		}
	}
	// A subtree of another tree has a proof that leads elsewhere.
	wrong := bytes.Repeat([]byte{1}, 32)
	proof, err := tree.SubtreeConsistencyProof(64, 72, size)
	if err != nil {
		return err
	}
	if _, err := ask(url, "sign-subtree", request(64, 72, wrong, proof, reference), http.StatusUnprocessableEntity); err != nil {
		return err
	}
	fmt.Printf("verified %d subtrees\n", asked)
	return nil
}

func request(start, end uint64, hash []byte, proof [][]byte, checkpoint string) string {
	lines := []string{fmt.Sprintf("subtree %d %d", start, end)}
	for _, one := range append([][]byte{hash}, proof...) {
		lines = append(lines, base64.StdEncoding.EncodeToString(one))
	}
	return strings.Join(lines, "\n") + "\n\n" + checkpoint
}

// subtree asks for a cosignature and verifies it, also that it says nothing of the time.
func subtree(url string, verifier f_note.SubtreeVerifier, origin string, start, end uint64, hash []byte, body string) error {
	line, err := ask(url, "sign-subtree", body, http.StatusOK)
	if err != nil {
		return err
	}
	prefix := fmt.Sprintf("— %s ", verifier.Name())
	encoded, isLine := strings.CutPrefix(strings.TrimSuffix(line, "\n"), prefix)
	if !isLine || strings.Contains(encoded, "\n") {
		return fmt.Errorf("not one line of the witness: %q", line)
	}
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(signature) < 12 {
		return fmt.Errorf("not a signature: %q", encoded)
	}
	if !bytes.Equal(signature[4:12], make([]byte, 8)) {
		return fmt.Errorf("the timestamp is %x", signature[4:12])
	}
	if !verifier.VerifySubtree(0, origin, start, end, hash, signature[4:]) {
		return fmt.Errorf("the cosignature does not verify")
	}
	if verifier.VerifySubtree(0, origin, start, end+1, hash, signature[4:]) {
		return fmt.Errorf("the cosignature verifies for another range")
	}
	return nil
}

func ask(url, call, body string, status int) (string, error) {
	client := http.Client{Timeout: 20 * time.Second}
	response, err := client.Post(url+"/"+call, "text/plain", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if response.StatusCode != status {
		return "", fmt.Errorf("%s answered %d: %s", call, response.StatusCode, text)
	}
	return string(text), nil
}
