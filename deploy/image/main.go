// Command image builds Sluice's container image without a container engine: a static program, the
// certificates of public authorities, a user without rights, and nothing else; no shell, no
// package manager. The same source gives the same bytes, and so the same digest, on every machine
// with the same Go.
//
//	make image
//	go run . -source ../.. -out ../../bin/image
//
// It writes an OCI image layout with an index of all architectures, and beside it a tar file that
// `docker load` and `podman load` take. What Sluice consists of is told by an SBOM (CycloneDX 1.6):
// a file of the image, a file beside it, and an artifact that refers to the image (OCI 1.1).
//
// A module of its own: what it needs never reaches the product's go.mod.
package main

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// build is what an image is made from.
type build struct {
	source  string // the root of Sluice's source
	out     string // the folder of the image layout
	version string // Sluice's own
}

func main() {
	var b build
	var architectures string
	flag.StringVar(&b.source, "source", "../..", "root of Sluice's source")
	flag.StringVar(&b.out, "out", "../../bin/image", "folder for the image layout; made anew each time")
	flag.StringVar(&architectures, "arch", runtime.GOARCH, "architectures of Linux, separated by commas")
	flag.Parse()
	if err := b.run(strings.Split(architectures, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func (b *build) run(architectures []string) error {
	var err error
	if b.version, err = versionOf(filepath.Join(b.source, "cmd/sluice/version.go")); err != nil {
		return err
	}
	var images []platform
	for _, arch := range architectures {
		program := b.beside(".sluice-" + arch)
		if err := b.compile(program, arch); err != nil {
			return err
		}
		p, err := newPlatform(program, arch, b.version)
		if err != nil {
			return fmt.Errorf("image for linux/%s: %w", arch, err)
		}
		images = append(images, p)
	}
	return b.write(images)
}

// beside is a path next to the layout.
func (b *build) beside(suffix string) string { return filepath.Clean(b.out) + suffix }

// compile builds the program: static, without paths of this machine in it.
func (b *build) compile(program, arch string) error {
	path, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", path, "./cmd/sluice")
	cmd.Dir = b.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program for linux/%s: %w\n%s", arch, err, out)
	}
	return nil
}

// versionOf reads the constant `version` of a Go file.
func versionOf(path string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.CONST {
			continue
		}
		for _, spec := range general.Specs {
			value := spec.(*ast.ValueSpec)
			literal, ok := value.Values[0].(*ast.BasicLit)
			if ok && value.Names[0].Name == "version" {
				return strconv.Unquote(literal.Value)
			}
		}
	}
	return "", errors.New("there is no constant `version` in " + path)
}
