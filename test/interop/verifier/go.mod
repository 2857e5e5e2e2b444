module glasskey.example/verifier

go 1.25.0

require (
	filippo.io/edwards25519 v1.1.0
	filippo.io/mldsa v0.0.0-20260215214346-43d0283efc3e
	filippo.io/nistec v0.0.3
	golang.org/x/text v0.30.0
)
