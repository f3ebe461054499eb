// Package telemetry is how the program shows what it does: it registers metrics, and it sends
// traces where somebody takes them.
//
// Traces are off until StartTracing found an endpoint in the environment. Off, Start
// returns its context and a Span that belongs to nothing: one look at a flag, no allocation.
// What is above this package knows traces as text only (traceparent of W3C Trace Context), as it
// stands in the header of a message, in a job and in the outbox.
package telemetry

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register registers c with reg, and returns it; nil registers nowhere. Where another part of
// the process has registered the same metric, that one is returned, to be used together.
func Register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	if reg == nil {
		return c
	}
	var already prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &already) {
		if same, ok := already.ExistingCollector.(C); ok {
			return same
		}
	}
	return c
}
