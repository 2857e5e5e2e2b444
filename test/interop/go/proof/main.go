// Command proof verifies a c2sp.org/tlog-proof@v1 of a Glasskey log, whose extra data is the entry
// itself, with filippo.io/torchwood: inclusion, the log's signature and the quorum of a c2sp.org/tlog-policy.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// entryLength is the length of an AuditEntry.
const entryLength = 137

func main() {
	log.SetFlags(0)
	policyFile := flag.String("policy", "", "file with the policy")
	proofFile := flag.String("proof", "", "file with the proof")
	flag.Parse()
	if err := run(*policyFile, *proofFile); err != nil {
		log.Fatal("proof: ", err)
	}
}

func run(policyFile, proofFile string) error {
	text, err := os.ReadFile(policyFile)
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return err
	}
	proof, err := os.ReadFile(proofFile)
	if err != nil {
		return err
	}
	entry, err := torchwood.ProofExtraData(proof)
	if err != nil {
		return err
	}
	if len(entry) != entryLength {
		return fmt.Errorf("an entry of %d bytes", len(entry))
	}
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), proof); err != nil {
		return err
	}
	fmt.Println("verified the proof")
	return nil
}
