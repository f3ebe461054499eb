package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/yannh/kubeconform/pkg/resource"
	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/yaml"
)

// The schemas of Kubernetes come out of a package of PyPI, which ships those of many versions.
const (
	kubernetes  = "1.37.0"
	schemasWith = "kubernetes-validate==" + kubernetes
	schemasSum  = "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
)

// schemas is a folder with the strict schemas: what they do not know is an error.
func schemas(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3, whose pip fetches the schemas of Kubernetes")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", dir, schemasWith)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("pip cannot fetch %s: %v\n%s", schemasWith, err, out)
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		t.Fatalf("pip fetched %v, %v", wheels, err)
	}
	data, err := os.ReadFile(wheels[0])
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != schemasSum {
		t.Fatalf("%s has the checksum %x, want %s", wheels[0], sum, schemasSum)
	}
	wheel, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	unpacked := 0
	for _, f := range wheel.File {
		folder, name := filepath.Split(f.Name)
		if !strings.HasSuffix(folder, "/v"+kubernetes+"-local-strict/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
		// They refer to a server's root, and each gives itself another address.
		local := bytes.ReplaceAll(text.Bytes(), []byte(`"/api/_definitions.json`), []byte(`"file://`+filepath.ToSlash(dir)+`/_definitions.json`))
		if err := os.WriteFile(filepath.Join(dir, name), local, 0o644); err != nil {
			t.Fatal(err)
		}
		unpacked++
	}
	if unpacked < 100 {
		t.Fatalf("%d schemas", unpacked)
	}
	return dir
}

// objects are all manifests in deploy/kubernetes.
func objects(t *testing.T) map[string][]resource.Resource {
	t.Helper()
	files, err := filepath.Glob("../kubernetes/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	found := map[string][]resource.Resource{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), "\n---\n") {
			found[path] = append(found[path], resource.Resource{Path: path, Bytes: []byte(part)})
		}
	}
	return found
}

// TestManifests: Kubernetes would take what is in deploy/kubernetes.
func TestManifests(t *testing.T) {
	dir := schemas(t)
	v, err := validator.New([]string{filepath.Join(dir, "{{ .ResourceKind }}{{ .KindSuffix }}.json")}, validator.Opts{Strict: true, KubernetesVersion: kubernetes})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for path, list := range objects(t) {
		for _, object := range list {
			signature, err := object.Signature()
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			kinds = append(kinds, signature.Kind)
			if signature.Kind == "ServiceMonitor" {
				// The operator's own type: it has no schema outside a cluster.
				var m monitoring.ServiceMonitor
				if err := yaml.UnmarshalStrict(object.Bytes, &m); err != nil {
					t.Errorf("%s: %v", path, err)
				}
				continue
			}
			if got := v.ValidateResource(object); got.Status != validator.Valid {
				t.Errorf("%s: %s %s: %v %v", path, signature.Kind, signature.Name, got.Err, got.ValidationErrors)
			}
		}
	}
	for _, want := range []string{"Deployment", "CronJob", "Job", "Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("there is no %s", want)
		}
	}
	wrong := resource.Resource{Path: "here", Bytes: []byte("apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\nspec: {minimum: 1}\n")}
	if got := v.ValidateResource(wrong); got.Status != validator.Invalid {
		t.Errorf("a member that there is not is accepted: %v, %v", got.Status, got.Err)
	}
}
