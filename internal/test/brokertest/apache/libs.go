package apache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// Version is the Kafka that tests and docker-compose.yml run.
const Version = "4.1.0"

const (
	scalaVersion  = "2.13"
	slf4jVersion  = "1.7.36" // of the slf4j-api that this Kafka brings: its log on standard error
	pluginVersion = "3.8.1"  // of maven-dependency-plugin
	minJava       = 17       // of Kafka 4
)

// ErrNoJava: this machine has no JDK or no Maven.
var ErrNoJava = errors.New("a real Apache Kafka needs a JDK 17 or newer and Maven")

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice.test</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_` + scalaVersion + `</artifactId><version>` + Version + `</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>` + slf4jVersion + `</version></dependency>
  </dependencies>
  <build><plugins>
    <plugin><groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>` + pluginVersion + `</version></plugin>
  </plugins></build>
</project>
`

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// java finds a Java that is new enough.
func java(ctx context.Context) (string, error) {
	path, err := exec.LookPath("java")
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path, err = exec.LookPath(filepath.Join(home, "bin", "java"))
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoJava, err)
	}
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s -version: %w", ErrNoJava, path, err)
	}
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%w: %s -version says %q", ErrNoJava, path, out)
	}
	if v, _ := strconv.Atoi(string(m[1])); v < minJava {
		return "", fmt.Errorf("%w: %s is version %d", ErrNoJava, path, v)
	}
	return path, nil
}

// libs returns the folder of Kafka's jars, fetching them if need be (43 MB).
func libs(ctx context.Context) (string, error) {
	cache := os.Getenv("SLUICE_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("cache folder: %w; set SLUICE_CACHE", err)
		}
		cache = filepath.Join(dir, "sluice")
	}
	dir := filepath.Join(cache, "kafka-"+Version+"-slf4j-"+slf4jVersion)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoJava, err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	// Into place by a rename: several processes may be at it, and each may be killed.
	temp, err := os.MkdirTemp(cache, "kafka-*.part")
	if err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	defer os.RemoveAll(temp)
	file := filepath.Join(temp, "pom.xml")
	if err := os.WriteFile(file, []byte(pom), 0o644); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", file, "dependency:copy-dependencies", "-DoutputDirectory="+filepath.Join(temp, "libs"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch Kafka %s by Maven: %w\n%s", Version, err, out)
	}
	if err := os.Rename(filepath.Join(temp, "libs"), dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return "", err
		}
	}
	return dir, nil
}
