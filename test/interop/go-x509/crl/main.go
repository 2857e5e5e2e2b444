// Reads CRLs by crypto/x509 and verifies who signed them. Prints what it found as JSON, by the id of each.
package main

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"log"
	"math/big"
	"os"
	"sort"
)

type facts struct {
	Number     string           `json:"number"`
	Base       *string          `json:"base"`
	ThisUpdate int64            `json:"thisUpdate"`
	NextUpdate int64            `json:"nextUpdate"`
	Entries    [][3]interface{} `json:"entries"`
	Critical   []string         `json:"critical"`
}

var deltaIndicator = asn1.ObjectIdentifier{2, 5, 29, 27}

func der(text string) []byte {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		log.Fatal("no PEM block")
	}
	return block.Bytes
}

func certificate(text string) *x509.Certificate {
	parsed, err := x509.ParseCertificate(der(text))
	if err != nil {
		log.Fatal(err)
	}
	return parsed
}

func read(crl *x509.RevocationList) facts {
	found := facts{
		Number:     crl.Number.String(),
		ThisUpdate: crl.ThisUpdate.Unix(),
		NextUpdate: crl.NextUpdate.Unix(),
		Entries:    [][3]interface{}{},
		Critical:   []string{},
	}
	for _, entry := range crl.RevokedCertificateEntries {
		revoked := [3]interface{}{entry.SerialNumber.String(), entry.RevocationTime.Unix(), entry.ReasonCode}
		found.Entries = append(found.Entries, revoked)
	}
	for _, extension := range crl.Extensions {
		if extension.Critical {
			found.Critical = append(found.Critical, extension.Id.String())
		}
		if extension.Id.Equal(deltaIndicator) {
			base := new(big.Int)
			if _, err := asn1.Unmarshal(extension.Value, &base); err != nil {
				log.Fatal(err)
			}
			text := base.String()
			found.Base = &text
		}
	}
	sort.Strings(found.Critical)
	return found
}

func main() {
	var input struct {
		Issuer string `json:"issuer"`
		Other  string `json:"other"`
		CRLs   []struct {
			ID  string `json:"id"`
			PEM string `json:"pem"`
		} `json:"crls"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&input); err != nil {
		log.Fatal(err)
	}
	issuer, other := certificate(input.Issuer), certificate(input.Other)
	found := map[string]facts{}
	for _, one := range input.CRLs {
		crl, err := x509.ParseRevocationList(der(one.PEM))
		if err != nil {
			log.Fatal(one.ID, ": ", err)
		}
		if err := crl.CheckSignatureFrom(issuer); err != nil {
			log.Fatal(one.ID, ": ", err)
		}
		if crl.CheckSignatureFrom(other) == nil {
			log.Fatal(one.ID, ": signed by anybody")
		}
		found[one.ID] = read(crl)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}
