// Command interop reads a Glasskey audit log as any C2SP tiled log: it opens the
// checkpoint with golang.org/x/mod/sumdb/note, and reads entries with
// filippo.io/torchwood, which verifies the inclusion of each from the tiles.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// entryLength is the length of an AuditEntry.
const entryLength = 137

func main() {
	log.SetFlags(0)
	prefix := flag.String("url", "", "tlog-tiles prefix, ending in a slash")
	vkey := flag.String("vkey", "", "verifier key of the log")
	origin := flag.String("origin", "", "origin of the log")
	samples := flag.Int64("samples", 40, "about how many single entries to prove")
	flag.Parse()
	if err := run(*prefix, *vkey, *origin, *samples); err != nil {
		log.Fatal("interop: ", err)
	}
}

func run(prefix, vkey, origin string, samples int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fetcher, err := torchwood.NewTileFetcher(prefix, torchwood.WithHTTPClient(http.DefaultClient))
	if err != nil {
		return err
	}
	signed, err := fetcher.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return err
	}
	if checkpoint.Origin != origin {
		return fmt.Errorf("checkpoint of %q, not of %q", checkpoint.Origin, origin)
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		return err
	}
	if err := proveSamples(ctx, client, checkpoint.Tree, samples); err != nil {
		return err
	}
	return readAll(ctx, client, checkpoint.Tree)
}

// proveSamples fetches single entries with their inclusion proofs and checks the proofs once more.
func proveSamples(ctx context.Context, client *torchwood.Client, tree tlog.Tree, samples int64) error {
	step := max(tree.N/max(samples, 1), 1)
	for index := int64(0); index < tree.N; index += step {
		if err := proveEntry(ctx, client, tree, index); err != nil {
			return err
		}
	}
	return proveEntry(ctx, client, tree, tree.N-1)
}

func proveEntry(ctx context.Context, client *torchwood.Client, tree tlog.Tree, index int64) error {
	entry, proof, err := client.Entry(ctx, tree, index)
	if err != nil {
		return fmt.Errorf("entry %d: %w", index, err)
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return fmt.Errorf("entry %d: %w", index, err)
	}
	return checkEntry(index, entry)
}

// readAll reads the whole log in order.
func readAll(ctx context.Context, client *torchwood.Client, tree tlog.Tree) error {
	next := int64(0)
	for index, entry := range client.AllEntries(ctx, tree, 0) {
		if index != next {
			return fmt.Errorf("entry %d after %d", index, next-1)
		}
		if err := checkEntry(index, entry); err != nil {
			return err
		}
		next++
	}
	if err := client.Err(); err != nil {
		return err
	}
	if next != tree.N {
		return fmt.Errorf("read %d of %d entries", next, tree.N)
	}
	fmt.Printf("verified %d entries under root %s\n", next, strings.TrimSpace(tree.Hash.String()))
	return nil
}

func checkEntry(index int64, entry []byte) error {
	if len(entry) != entryLength || entry[0] != 1 {
		return fmt.Errorf("entry %d is not an AuditEntry of format 1", index)
	}
	return nil
}
