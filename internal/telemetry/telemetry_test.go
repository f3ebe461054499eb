package telemetry

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestRegister(t *testing.T) {
	gauge := func() prometheus.Gauge { return prometheus.NewGauge(prometheus.GaugeOpts{Name: "x", Help: "x"}) }
	reg := prometheus.NewRegistry()
	first := Register(reg, gauge())
	if second := Register(reg, gauge()); second != first {
		t.Error("the same metric twice in one process is not the same collector")
	}
	if alone := Register(nil, gauge()); alone == first {
		t.Error("without a registry it is somebody else's collector")
	}
}
