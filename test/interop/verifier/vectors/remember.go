package vectors

import (
	"sync"

	"glasskey.example/verifier/wire"
)

type vrf = func(key, input, proof []byte) ([32]byte, error)

var (
	provedMutex sync.Mutex
	proved      = map[string][32]byte{}
)

// remember keeps the outputs of proofs that held.
func remember(verify vrf) vrf {
	return func(key, input, proof []byte) ([32]byte, error) {
		name := string(wire.Writer{}.Opaque(key, 255).Opaque(input, 65535).Raw(proof))
		provedMutex.Lock()
		out, ok := proved[name]
		provedMutex.Unlock()
		if ok {
			return out, nil
		}
		out, err := verify(key, input, proof)
		if err == nil {
			provedMutex.Lock()
			proved[name] = out
			provedMutex.Unlock()
		}
		return out, err
	}
}
