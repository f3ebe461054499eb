package brokertest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/jackc/pgx/v5"

	"sluice/internal/embedpg"
	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest/apache"
	"sluice/internal/test/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, "", nil) }

// service is what TestCompose looks at.
type service struct {
	Image       string
	Command     []string
	Environment map[string]string
	Build       struct{ Context, Dockerfile string }
	Healthcheck struct {
		Test    []string
		Disable bool
	}
	DependsOn map[string]struct{ Condition string } `yaml:"depends_on"`
	Ports     []string
	Limit     string `yaml:"mem_limit"`
	ReadOnly  bool   `yaml:"read_only"`
}

// TestCompose: docker-compose.yml runs what the tests run, with the same settings.
func TestCompose(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]service
		Configs  map[string]struct{ Content string }
	}
	if err := yaml.UnmarshalWithOptions(text, &compose, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
	kafka, postgres := compose.Services["kafka"], compose.Services["postgres"]
	if want := "apache/kafka:" + apache.Version; kafka.Image != want {
		t.Errorf("Kafka is %s, tests run %s", kafka.Image, want)
	}
	for name, want := range apache.Settings {
		env := "KAFKA_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_")) // the image's rule for names without _ and -
		if got := kafka.Environment[env]; got != want {
			t.Errorf("%s is %q, tests run with %s=%s", env, got, name, want)
		}
	}
	if want := "postgres:" + strings.TrimSuffix(embedpg.Version, ".0"); postgres.Image != want {
		t.Errorf("PostgreSQL is %s, tests run %s", postgres.Image, want)
	}
	for name, s := range compose.Services {
		if len(s.Healthcheck.Test) == 0 && !s.Healthcheck.Disable {
			t.Errorf("%s has no health check", name)
		}
		if s.Limit == "" {
			t.Errorf("%s may take all memory of the machine", name)
		}
		if s.Image == "sluice" && !s.ReadOnly {
			t.Errorf("%s may write to its image", name)
		}
		for on := range s.DependsOn {
			if _, ok := compose.Services[on]; !ok {
				t.Errorf("%s waits for %s, which is not there", name, on)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to other machines", name, p)
			}
		}
		if s.Build.Dockerfile != "" {
			if _, err := os.Stat("../../../" + s.Build.Dockerfile); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if !strings.Contains(compose.Configs["database"].Content, "create role sluice login createrole") {
		t.Errorf("the database's owner is made by %q", compose.Configs["database"].Content)
	}
	if brief.Run(t) {
		t.Skip("short: the settings of PostgreSQL are compared with a server of its own")
	}
	conn, err := pgx.Connect(t.Context(), pgtest.Private(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	compared := 0
	for _, arg := range postgres.Command {
		name, want, ok := strings.Cut(arg, "=")
		if !ok || name == "shared_buffers" { // which follows the machine's memory
			continue
		}
		var got string
		if err := conn.QueryRow(t.Context(), `select current_setting($1)`, name).Scan(&got); err != nil || got != want {
			t.Errorf("PostgreSQL has %s, the program's own has %q (%v)", arg, got, err)
		}
		compared++
	}
	if compared < 4 {
		t.Errorf("%d settings of PostgreSQL were compared", compared)
	}
}
