package suite

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"

	"filippo.io/edwards25519"
	"filippo.io/nistec"

	"glasskey.example/verifier/wire"
)

var errProof = wire.Refuse("bad-vrf-proof", "the proof does not hold for this key and input")

func sha512Of(parts ...[]byte) []byte {
	sum := sha512.Sum512(bytes.Join(parts, nil))
	return sum[:]
}

func sha256Of(parts ...[]byte) []byte {
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return sum[:]
}

// vrfEd25519 is ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381 §5.3), with the output cut to 32 bytes.
func vrfEd25519(key, input, proof []byte) (out [32]byte, err error) {
	y, ok := publicPoint(key)
	if !ok || len(proof) != 80 {
		return out, errProof
	}
	gamma, ok := point(proof[:32])
	if !ok {
		return out, errProof
	}
	c, _ := new(edwards25519.Scalar).SetCanonicalBytes(append(bytes.Clone(proof[32:48]), make([]byte, 16)...))
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(proof[48:])
	if err != nil {
		return out, errProof
	}
	h := curvePointEd25519(key, input)
	if h == nil {
		return out, errProof
	}
	minusC := new(edwards25519.Scalar).Negate(c)
	u := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(minusC, y, s)
	v := new(edwards25519.Point).ScalarMult(s, h)
	v.Add(v, new(edwards25519.Point).ScalarMult(minusC, gamma))
	challenge := sha512Of([]byte{3, 2}, key, h.Bytes(), proof[:32], u.Bytes(), v.Bytes(), []byte{0})
	if !bytes.Equal(challenge[:16], proof[32:48]) {
		return out, errProof
	}
	copy(out[:], sha512Of([]byte{3, 3}, new(edwards25519.Point).MultByCofactor(gamma).Bytes(), []byte{0}))
	return out, nil
}

// curvePointEd25519 is encode_to_curve by try and increment (RFC 9381 §5.4.1.1).
func curvePointEd25519(salt, input []byte) *edwards25519.Point {
	for counter := range 256 {
		if p, ok := point(sha512Of([]byte{3, 1}, salt, input, []byte{byte(counter), 0})[:32]); ok {
			if p.MultByCofactor(p); !isIdentity(p) {
				return p
			}
		}
	}
	return nil
}

// p256Point decodes a compressed point; it is never the point at infinity.
func p256Point(b []byte) (*nistec.P256Point, error) {
	if len(b) != 33 {
		return nil, wire.Refuse("malformed-encoding", "a point of %d bytes", len(b))
	}
	p, err := nistec.NewP256Point().SetBytes(b)
	if err != nil {
		return nil, wire.Refuse("malformed-encoding", "a point: %v", err)
	}
	return p, nil
}

// vrfP256 is ECVRF-P256-SHA256-TAI.
func vrfP256(key, input, proof []byte) (out [32]byte, err error) {
	y, err := p256Point(key)
	if err != nil || len(proof) != 81 {
		return out, errProof
	}
	gamma, err := p256Point(proof[:33])
	if err != nil {
		return out, errProof
	}
	order := elliptic.P256().Params().N
	c, s := new(big.Int).SetBytes(proof[33:49]), proof[49:]
	if new(big.Int).SetBytes(s).Cmp(order) >= 0 {
		return out, errProof
	}
	h := curvePointP256(key, input)
	if h == nil {
		return out, errProof
	}
	minusC := new(big.Int).Mod(new(big.Int).Neg(c), order).FillBytes(make([]byte, 32))
	// a*p + b*q
	combine := func(a []byte, p *nistec.P256Point, b []byte, q *nistec.P256Point) []byte {
		first, err1 := nistec.NewP256Point().ScalarMult(p, a)
		second, err2 := nistec.NewP256Point().ScalarMult(q, b)
		if err1 != nil || err2 != nil {
			return nil
		}
		return first.Add(first, second).BytesCompressed()
	}
	u := combine(s, nistec.NewP256Point().SetGenerator(), minusC, y)
	v := combine(s, h, minusC, gamma)
	challenge := sha256Of([]byte{1, 2}, key, h.BytesCompressed(), proof[:33], u, v, []byte{0})
	if !bytes.Equal(challenge[:16], proof[33:49]) {
		return out, errProof
	}
	copy(out[:], sha256Of([]byte{1, 3}, proof[:33], []byte{0}))
	return out, nil
}

func curvePointP256(salt, input []byte) *nistec.P256Point {
	for counter := range 256 {
		hash := sha256Of([]byte{1, 1}, salt, input, []byte{byte(counter), 0})
		if p, err := p256Point(append([]byte{2}, hash...)); err == nil {
			return p
		}
	}
	return nil
}
