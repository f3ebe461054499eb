package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// stopPatience is how long the end of the process waits for spans to be taken.
const stopPatience = 5 * time.Second

// StartTracing sends traces from now on, if the environment names where to. It knows the
// standard variables of OpenTelemetry that docs/tracing.md lists; getenv is os.Getenv outside of
// tests. What it does not understand is logged, and there are no traces then: they never keep
// the program from its work. stop sends what is left; it is never nil.
func StartTracing(ctx context.Context, getenv func(string) string, version string, log *slog.Logger) (stop func()) {
	cfg, err := readOTLP(getenv)
	if err != nil {
		log.Warn("no traces are sent", "error", err)
	}
	if err != nil || cfg == nil {
		return func() {}
	}
	exp, err := newExporter(ctx, *cfg)
	if err != nil {
		log.Warn("no traces are sent", "error", err)
		return func() {}
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces", "error", err)
	}))
	// The environment's words win over ours: the last detector does.
	res, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "sluice"), attribute.String("service.version", version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		log.Warn("traces: what names this process is not understood", "error", err)
	}
	// The provider reads OTEL_TRACES_SAMPLER and the limits of spans itself, the processor OTEL_BSP_….
	provider := sdk.NewTracerProvider(sdk.WithResource(res), sdk.WithBatcher(exp))
	t := provider.Tracer("sluice")
	tracer.Store(&t)
	log.Info("traces are sent", "endpoint", cfg.endpoint)
	return func() {
		tracer.Store(nil)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("the last traces were not sent", "error", err)
		}
	}
}

// otlp is how to reach a collector.
type otlp struct {
	endpoint                        string
	headers                         map[string]string
	timeout                         time.Duration
	gzip                            bool
	certificate, clientCert, client string // files: whom to trust, who we are
}

// readOTLP reads the environment; nil: nobody wants traces.
func readOTLP(getenv func(string) string) (*otlp, error) {
	// Of each setting there is one for all signals and one for traces, which wins.
	get := func(name string) string {
		if v := strings.TrimSpace(getenv("OTEL_EXPORTER_OTLP_TRACES_" + name)); v != "" {
			return v
		}
		return strings.TrimSpace(getenv("OTEL_EXPORTER_OTLP_" + name))
	}
	exporter := strings.TrimSpace(getenv("OTEL_TRACES_EXPORTER"))
	if get("ENDPOINT") == "" || strings.EqualFold(strings.TrimSpace(getenv("OTEL_SDK_DISABLED")), "true") || exporter == "none" {
		return nil, nil
	}
	if exporter != "" && exporter != "otlp" {
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: this program has otlp, and none", exporter)
	}
	if p := get("PROTOCOL"); p != "" && p != "http/protobuf" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=%s: this program speaks http/protobuf, which collectors take on port 4318", p)
	}
	cfg := &otlp{timeout: 10 * time.Second, certificate: get("CERTIFICATE"), clientCert: get("CLIENT_CERTIFICATE"), client: get("CLIENT_KEY")}
	var err error
	if cfg.endpoint, err = tracesURL(getenv); err != nil {
		return nil, err
	}
	if cfg.headers, err = headers(get("HEADERS")); err != nil {
		return nil, err
	}
	if s := get("TIMEOUT"); s != "" {
		ms, err := time.ParseDuration(s + "ms")
		if err != nil || ms <= 0 {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT=%s: it is a number of milliseconds", s)
		}
		cfg.timeout = ms
	}
	switch c := get("COMPRESSION"); c {
	case "", "none":
	case "gzip":
		cfg.gzip = true
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_COMPRESSION=%s: it is gzip or none", c)
	}
	return cfg, nil
}
