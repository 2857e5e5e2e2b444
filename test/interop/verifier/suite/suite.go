// Package suite has what a cipher suite of KEYTRANS (§17.1) names: signatures, the VRF, and commitments.
package suite

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"math/big"

	"filippo.io/edwards25519"

	"glasskey.example/verifier/wire"
)

// Suite is a cipher suite. Both have SHA-256, hashes and VRF outputs of 32 bytes, and openings of 16.
type Suite struct {
	ID           uint16
	SignatureKey int // bytes of a public key that signs
	VRFKey       int
	VRFProof     int
	// CheckKeys refuses keys that are malformed or of small order.
	CheckKeys func(signature, vrf []byte) error
	// Verify checks a signature; the key has passed CheckKeys.
	Verify func(key, message, signature []byte) bool
	// VRF checks a proof and returns the output.
	VRF func(key, input, proof []byte) ([32]byte, error)
}

// ByID returns a suite of the registry, or nil.
func ByID(id uint16) *Suite {
	switch id {
	case 1:
		return &Suite{1, 65, 33, 81, checkP256Keys, verifyP256, vrfP256}
	case 2:
		return &Suite{2, 32, 32, 80, checkEd25519Keys, VerifyEd25519, vrfEd25519}
	}
	return nil
}

var commitmentKey, _ = hex.DecodeString("d821f8790d97709796b4d7903357c3f5")

// Commitment is the HMAC of KT §11.6 over an encoded CommitmentValue.
func Commitment(opening, label []byte, version uint32, updateValue []byte) (out [32]byte) {
	m := hmac.New(sha256.New, commitmentKey)
	m.Write(wire.Writer{}.Raw(opening).Opaque(label, 255).U32(version).Raw(updateValue))
	copy(out[:], m.Sum(nil))
	return out
}

// point decodes the canonical encoding of a point of edwards25519.
func point(b []byte) (*edwards25519.Point, bool) {
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil || string(p.Bytes()) != string(b) {
		return nil, false
	}
	return p, true
}

// publicPoint is point without the points of small order.
func publicPoint(b []byte) (*edwards25519.Point, bool) {
	p, ok := point(b)
	if !ok || isIdentity(new(edwards25519.Point).MultByCofactor(p)) {
		return nil, false
	}
	return p, true
}

func isIdentity(p *edwards25519.Point) bool { return p.Equal(edwards25519.NewIdentityPoint()) == 1 }

// VerifyEd25519 takes canonical points and reduced scalars, refuses keys of small order, and checks the cofactored equation.
func VerifyEd25519(key, message, signature []byte) bool {
	if len(key) != 32 || len(signature) != 64 {
		return false
	}
	a, ok := publicPoint(key)
	if !ok {
		return false
	}
	r, ok := point(signature[:32])
	if !ok {
		return false
	}
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(signature[32:])
	if err != nil {
		return false
	}
	h := sha512.New()
	h.Write(signature[:32])
	h.Write(key)
	h.Write(message)
	k, _ := new(edwards25519.Scalar).SetUniformBytes(h.Sum(nil))
	// [8](S B - k A - R) = 0
	p := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(k, new(edwards25519.Point).Negate(a), s)
	return isIdentity(p.MultByCofactor(p.Subtract(p, r)))
}

// ValidEd25519Key says whether the key is a canonical point that is not of small order.
func ValidEd25519Key(key []byte) bool { _, ok := publicPoint(key); return ok && len(key) == 32 }

func checkEd25519Keys(signature, vrf []byte) error {
	if !ValidEd25519Key(signature) || !ValidEd25519Key(vrf) {
		return wire.Refuse("malformed-encoding", "a key that is no canonical point, or of small order")
	}
	return nil
}

func p256Signer(key []byte) (*ecdsa.PublicKey, error) {
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key)
}

func checkP256Keys(signature, vrf []byte) error {
	if _, err := p256Signer(signature); err != nil {
		return wire.Refuse("malformed-encoding", "a signature key: %v", err)
	}
	if _, err := p256Point(vrf); err != nil {
		return err
	}
	return nil
}

// verifyP256 checks r || s over SHA-256.
func verifyP256(key, message, signature []byte) bool {
	public, err := p256Signer(key)
	if err != nil || len(signature) != 64 {
		return false
	}
	digest := sha256.Sum256(message)
	return ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}
