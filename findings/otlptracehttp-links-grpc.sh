#!/bin/sh
# OpenTelemetry: the exporter that speaks HTTP only (otlptracehttp v1.47.0) links gRPC.
#
# A program that does nothing but make an exporter of otlptrace/otlptracehttp, which is chosen to keep gRPC
# out, has 66 packages of google.golang.org/grpc among its dependencies (and the gRPC gateway): the generated
# package of the collector's messages registers the service for both.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"context"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
)

func main() { _, _ = otlptracehttp.New(context.Background()) }
GO
go mod init example >/dev/null 2>&1
go get go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp@v1.47.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
grpc=$(go list -deps . | grep -c '^google.golang.org/grpc') || true
gateway=$(go list -deps . | grep -c 'grpc-gateway') || true
echo "packages of gRPC: $grpc, of its gateway: $gateway"
[ "$grpc" -gt 50 ] && [ "$gateway" -gt 0 ] || { echo "it has changed; it was 66 and more than 0"; exit 1; }
echo "as described: HTTP brings gRPC along"
