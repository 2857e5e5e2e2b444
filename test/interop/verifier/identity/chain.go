package identity

import (
	"crypto/x509"
	"slices"

	"glasskey.example/verifier/wire"
)

// Verdicts, from good to bad; each is also the name of a link.
var verdicts = []string{"unchanged", "first-seen", "key", "maintenance", "recovery", "operator", "unexplained"}

// Verdict is what a contact is told of the versions since the one that it held.
type Verdict struct {
	Verdict string
	Links   []string // who made each of them
	Fault   error    // of "unexplained"
	Record  *Record  // the latest
}

// parsed is a record with its certificates.
type parsed struct {
	*Record
	certs []*x509.Certificate
	names map[[32]byte]bool // of its keys
}

func (v *Record) parse() *parsed {
	p := &parsed{Record: v, names: map[[32]byte]bool{}}
	for i, der := range v.Certificates {
		if v.has(i, der) {
			wire.Fail("bad-record", "a certificate twice")
		}
		c := parseCertificate(der)
		p.certs = append(p.certs, c)
		p.names[keyName(c)] = true
	}
	return p
}

// has says whether a certificate is among the first n.
func (v *Record) has(n int, der []byte) bool {
	return slices.ContainsFunc(v.Certificates[:n], func(d []byte) bool { return string(d) == string(der) })
}

func sameCertificates(a, b [][]byte) bool {
	return slices.EqualFunc(a, b, func(x, y []byte) bool { return string(x) == string(y) })
}

// Step is where a version stands.
type Step struct {
	Origin             string
	Label              []byte
	Version            uint32
	PreviousCommitment [32]byte
	Waited             Waited
}

// Waited says whether the log proves that a version, with its commitment, was the greatest in two entries, long enough
// apart for a recovery. It may be nil: then no recovery counts as proved.
type Waited func(version uint32, commitment [32]byte, first, last uint64) bool

// JudgeFirst judges version 0.
func JudgeFirst(v *Record) (link string, err error) {
	defer wire.Catch(&err)
	v.parse()
	if v.Previous != [32]byte{} {
		wire.Fail("bad-chain", "version 0 has a predecessor")
	}
	if v.Pending != nil || (v.By.Type != Operator && (v.By.Type != Initial || len(v.Certificates) == 0)) {
		wire.Fail("bad-record", "version 0 must be initial, with a certificate, or by the operator, with nothing pending")
	}
	if v.By.Type == Operator {
		return "operator", nil
	}
	return "initial", nil
}

// isVeto says whether a version by a key only removes what is pending.
func isVeto(before, after *Record) bool {
	return after.By.Type == Key && before.Pending != nil && after.Pending == nil && sameCertificates(before.Certificates, after.Certificates)
}

// Judge judges a version by the one before it. It knows no owner's record: a veto by a key that others removed is refused.
func Judge(before, after *Record, at Step) (link string, err error) {
	defer wire.Catch(&err)
	b, a := before.parse(), after.parse()
	if a.Previous != at.PreviousCommitment {
		wire.Fail("bad-chain", "version %d names another predecessor", at.Version)
	}
	var stay [][]byte
	for _, der := range b.Certificates {
		if a.has(len(a.Certificates), der) {
			stay = append(stay, der)
		}
	}
	if a.By.Type != Operator && !sameCertificates(stay, a.Certificates[:len(stay)]) {
		wire.Fail("bad-record", "certificates that stay are not first, in their order")
	}
	brought := len(a.Certificates) - len(stay)
	removed := len(b.Certificates) - len(stay)
	var added [][32]byte
	for name := range a.names {
		if !b.names[name] {
			added = append(added, name)
		}
	}
	if len(b.Certificates) == 0 && (a.By.Type == Maintenance || (a.By.Type == Key && !isVeto(before, after))) {
		wire.Fail("bad-chain", "no such change after a record without certificates")
	}
	samePending := b.Pending != nil && a.Pending != nil && *b.Pending == *a.Pending
	switch a.By.Type {
	case Initial:
		wire.Fail("bad-record", "initial, at version %d", at.Version)
	case Key:
		if a.Pending != nil {
			wire.Fail("bad-record", "a change by a key that leaves something pending")
		}
		a.verifySignature(b.certs, at)
		return "key", nil
	case Maintenance:
		if a.Pending != nil && !samePending {
			wire.Fail("bad-record", "maintenance that changes what is pending")
		}
		if len(added) > 0 {
			wire.Fail("bad-chain", "maintenance that adds a key")
		}
		good := false
		switch a.By.Kind {
		case Renewal:
			good = brought > 0
		case Expiry, Revocation:
			good = brought == 0 && removed > 0
		case Erasure:
			good = len(a.Certificates) == 0 && a.Pending == nil
		}
		if !good {
			wire.Fail("bad-record", "maintenance that is not of its kind")
		}
		return "maintenance", nil
	case Recovery:
		if a.By.Phase == Requested {
			if a.Pending == nil {
				wire.Fail("bad-record", "a recovery of nothing")
			}
			if !sameCertificates(a.Certificates, b.Certificates) {
				wire.Fail("bad-chain", "a requested recovery that changes certificates")
			}
			return "recovery", nil
		}
		if a.Pending != nil {
			wire.Fail("bad-record", "a recovery in effect that leaves something pending")
		}
		if b.Pending == nil || a.By.PendingVersion != at.Version-1 || a.By.First >= a.By.Last || !a.names[b.Pending.Key] ||
			len(added) > 1 || (len(added) == 1 && added[0] != b.Pending.Key) {
			wire.Fail("bad-chain", "a recovery in effect of what was not pending")
		}
		if at.Waited != nil && at.Waited(a.By.PendingVersion, at.PreviousCommitment, a.By.First, a.By.Last) {
			return "recovery", nil
		}
		return "operator", nil
	}
	if a.Pending != nil {
		wire.Fail("bad-record", "an operator leaves something pending")
	}
	return "operator", nil
}

// verifySignature asks for a signature by the key of one of the certificates.
func (a *parsed) verifySignature(by []*x509.Certificate, at Step) {
	request := ChangeRequest{at.Origin, at.Label, at.Version, at.PreviousCommitment, nil}
	for name := range a.names {
		request.After = append(request.After, name)
	}
	slices.SortFunc(request.After, func(x, y [32]byte) int {
		if less(x, y) {
			return -1
		}
		return 1
	})
	for _, c := range by {
		if signerHash(c) == a.By.Signer && VerifyChange(c.RawSubjectPublicKeyInfo, request.Message(), a.By.Signature) {
			return
		}
	}
	wire.Fail("bad-change-signature", "version %d is signed by no key that may", at.Version)
}

// History gives a version that is earlier than the ones at hand, or nil where it is withheld.
type History func(version uint32) *Link

const maxOwnersRecord = 4096 // versions that the search for an owner's record reads

// judgeVeto judges a veto that no key of the record before has signed, by the owner's record ("Vetoes after removal").
func judgeVeto(before, after *Record, at Step, history History) (link string, err error) {
	defer wire.Catch(&err)
	record, version := before, at.Version-1
	for range maxOwnersRecord {
		if record.By.Type == Maintenance && record.By.Kind == Erasure {
			break
		}
		if version == 0 {
			if link, err := JudgeFirst(record); err == nil && link == "initial" {
				after.parse().verifySignature(record.parse().certs, at)
				return "key", nil
			}
			break
		}
		earlier := history(version - 1)
		if earlier == nil || earlier.Version != version-1 || Commitment(at.Label, earlier.Version, earlier.Opening, earlier.Value) != record.Previous {
			break
		}
		previous, err := DecodeRecord(earlier.Value)
		if err != nil {
			break
		}
		link, err := Judge(previous, record, Step{at.Origin, at.Label, version, record.Previous, at.Waited})
		if err == nil && (link == "key" || (link == "recovery" && record.By.Phase == Effective)) {
			after.parse().verifySignature(record.parse().certs, at)
			return "key", nil
		}
		record, version = previous, version-1
	}
	return "", wire.Refuse("bad-change-signature", "version %d is signed by no key of the version before, and there is no owner's record", at.Version)
}

// Follow judges the versions from one that was held, or nil, to one that a verified search found, with its commitment.
// `between` are those between; nil for one that the log does not give. `earlier` gives those before the one that was held.
func Follow(origin string, label []byte, held *Link, between []*Link, latest Link, commitment [32]byte, earlier History, waited Waited) (v *Verdict, err error) {
	defer wire.Catch(&err)
	if Commitment(label, latest.Version, latest.Opening, latest.Value) != commitment {
		wire.Fail("bad-commitment", "version %d does not open the commitment", latest.Version)
	}
	record, err := DecodeRecord(latest.Value)
	if err != nil {
		wire.Fail("bad-record", "%v", err)
	}
	v = &Verdict{Verdict: "first-seen", Links: []string{}, Record: record}
	judge := func(link string, err error) bool {
		if err != nil {
			v.Verdict, v.Links, v.Fault = "unexplained", nil, err
			return false
		}
		v.Links = append(v.Links, link)
		v.Verdict = verdicts[max(slices.Index(verdicts, v.Verdict), slices.Index(verdicts, link))]
		return true
	}
	if held == nil {
		if latest.Version == 0 {
			first, err := JudgeFirst(record)
			if judge(first, err) {
				v.Verdict = "first-seen"
			}
		}
		return v, nil
	}
	last := Commitment(label, held.Version, held.Opening, held.Value)
	if latest.Version < held.Version || (latest.Version == held.Version && last != commitment) {
		wire.Fail("bad-chain", "version %d after version %d, or another value", latest.Version, held.Version)
	}
	v.Verdict = "unchanged"
	before := wire.Must(DecodeRecord(held.Value))
	if latest.Version > held.Version {
		between = append(slices.Clone(between), &latest)
	}
	for at := held.Version; at < latest.Version; at++ {
		i := int(at - held.Version)
		if i >= len(between) || between[i] == nil || between[i].Version != at+1 {
			judge("", wire.Refuse("bad-chain", "version %d is missing", at+1))
			return v, nil
		}
		next := between[i]
		after, err := DecodeRecord(next.Value)
		if err != nil {
			judge("", wire.Refuse("bad-record", "version %d: %v", next.Version, err))
			return v, nil
		}
		step := Step{origin, label, next.Version, last, waited}
		link, err := Judge(before, after, step)
		if wire.Code(err) == "bad-change-signature" && isVeto(before, after) {
			link, err = judgeVeto(before, after, step, func(version uint32) *Link {
				switch {
				case version > held.Version:
					return between[version-held.Version-1]
				case version == held.Version:
					return held
				case earlier == nil:
					return nil
				}
				return earlier(version)
			})
		}
		if !judge(link, err) {
			return v, nil
		}
		before, last = after, Commitment(label, next.Version, next.Opening, next.Value)
	}
	return v, nil
}
