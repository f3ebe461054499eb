package serve

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// disks tells how full the file systems are that this process depends on. It asks the
// system at each scrape. A database of somebody else's is on a disk that only its own machine
// can see.
type disks struct {
	paths      map[string]string // what is there -> folder
	free, size *prometheus.Desc
	ask        func(path string) (free, size float64, err error)
}

func newDisks(paths map[string]string) *disks {
	return &disks{
		paths: paths, ask: diskSpace,
		free: prometheus.NewDesc("sluice_disk_free_bytes", "What a file system has left for programs that are not root's.", []string{"of"}, nil),
		size: prometheus.NewDesc("sluice_disk_size_bytes", "Size of the file system.", []string{"of"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (d *disks) Describe(out chan<- *prometheus.Desc) {
	out <- d.free
	out <- d.size
}

// Collect implements prometheus.Collector. A folder that cannot be asked about has no value.
func (d *disks) Collect(out chan<- prometheus.Metric) {
	for _, of := range slices.Sorted(maps.Keys(d.paths)) {
		free, size, err := d.ask(d.paths[of])
		if err != nil {
			continue
		}
		out <- prometheus.MustNewConstMetric(d.free, prometheus.GaugeValue, free, of)
		out <- prometheus.MustNewConstMetric(d.size, prometheus.GaugeValue, size, of)
	}
}
