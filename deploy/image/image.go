package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// platform is the image of one architecture.
type platform struct {
	arch     string
	image    v1.Image
	sbom     []byte
	referrer v1.Image // the SBOM as an artifact that names the image as its subject
	size     int      // of the program, in bytes
	pull     int64    // of the compressed layers, in bytes
}

func newPlatform(program, arch, version string) (platform, error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return platform{}, err
	}
	sbom, err := bill(program, data, version, arch)
	if err != nil {
		return platform{}, fmt.Errorf("SBOM: %w", err)
	}
	image, err := assemble(data, sbom, arch, version)
	if err != nil {
		return platform{}, err
	}
	referrer, err := attach(image, sbom)
	if err != nil {
		return platform{}, fmt.Errorf("attach the SBOM: %w", err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		return platform{}, err
	}
	p := platform{arch: arch, image: image, sbom: sbom, referrer: referrer, size: len(data)}
	for _, l := range manifest.Layers {
		p.pull += l.Size
	}
	return p, nil
}

// assemble puts the image together. What seldom changes is in the lower layer.
func assemble(program, sbom []byte, arch, version string) (v1.Image, error) {
	below, err := layer(roots())
	if err != nil {
		return nil, err
	}
	above, err := layer(sluice(program, sbom))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image,
		mutate.Addendum{Layer: below, History: history("users and certificates")},
		mutate.Addendum{Layer: above, History: history("sluice " + version)})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	config.Config = v1.Config{
		User:         strconv.Itoa(user) + ":" + strconv.Itoa(user),
		Entrypoint:   []string{"/" + programPath},
		Cmd:          []string{"serve"},
		Env:          []string{"PATH=/usr/local/bin", "SSL_CERT_FILE=/" + rootsPath, "SLUICE_LISTEN=:8080"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Labels:       labels(version),
		// Docker's; others pass it by. Kubernetes has probes.
		Healthcheck: &v1.HealthConfig{
			Test:     []string{"CMD", "/" + programPath, "health"},
			Interval: 10 * time.Second, Timeout: 6 * time.Second, StartPeriod: 30 * time.Second, Retries: 3,
		},
	}
	return mutate.ConfigFile(image, config)
}

func history(what string) v1.History {
	return v1.History{Created: v1.Time{Time: time.Unix(0, 0).UTC()}, CreatedBy: "deploy/image", Comment: what}
}

func labels(version string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "sluice",
		"org.opencontainers.image.description": "SBOMs, VEX and vulnerability facts into PostgreSQL",
		"org.opencontainers.image.version":     version,
	}
}

// attach makes an artifact of the SBOM that refers to the image.
func attach(image v1.Image, sbom []byte) (v1.Image, error) {
	subject, err := partial.Descriptor(image)
	if err != nil {
		return nil, err
	}
	// Readers take the type of an artifact from its configuration's.
	artifact := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), sbomType)
	artifact, err = mutate.AppendLayers(artifact, static.NewLayer(sbom, sbomType))
	if err != nil {
		return nil, err
	}
	return mutate.Subject(artifact, *subject).(v1.Image), nil
}

// write writes the layout with an index of all images, the SBOM of each beside it, and a file for
// `docker load` with the image for this machine's architecture, else the first.
func (b *build) write(images []platform) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	loadable := images[0]
	for _, p := range images {
		if p.arch == runtime.GOARCH {
			loadable = p
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        p.image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: p.arch}},
		})
		if err := os.WriteFile(b.beside("-"+p.arch+".cdx.json"), p.sbom, 0o644); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(b.out); err != nil {
		return err
	}
	path, err := layout.Write(b.out, empty.Index)
	if err != nil {
		return err
	}
	named := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": b.version})
	if err := path.AppendIndex(index, named); err != nil {
		return err
	}
	for _, p := range images {
		if err := path.AppendImage(p.referrer); err != nil {
			return err
		}
	}
	tag, err := name.NewTag("sluice:" + b.version)
	if err != nil {
		return err
	}
	if err := tarball.WriteToFile(b.beside(".tar"), tag, loadable.image); err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	for _, p := range images {
		fmt.Printf("linux/%s: a program of %.1f MB, %.1f MB to pull\n", p.arch, float64(p.size)/1e6, float64(p.pull)/1e6)
	}
	fmt.Printf("%s: sluice:%s %s\n", b.out, b.version, digest)
	return nil
}
