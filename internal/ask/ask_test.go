package ask_test

import (
	"errors"
	"fmt"
	"testing"

	"sluice/internal/ask"
)

func TestWrong(t *testing.T) {
	cause := errors.New("no type")
	err := fmt.Errorf("findings: %w", ask.Wrong("artifact", "%q: %w", "x", cause))
	var wrong *ask.WrongError
	if !errors.As(err, &wrong) || wrong.Field != "artifact" || !errors.Is(err, cause) {
		t.Fatalf("%#v", err)
	}
	if got := err.Error(); got != `findings: artifact "x": no type` {
		t.Error(got)
	}
	if got := ask.Wrong("", "nothing").Error(); got != "nothing" {
		t.Error(got)
	}
	var missing *ask.NotFoundError
	if errors.As(err, &missing) || !errors.As(fmt.Errorf("x: %w", ask.NotFound("no %s", "y")), &missing) || missing.Error() != "no y" {
		t.Error(missing)
	}
}

func TestOneOf(t *testing.T) {
	if err := ask.OneOf("kind", "", "", "sbom", "vex", "vuln"); err != nil {
		t.Error(err)
	}
	if err := ask.OneOf("kind", "cve", "", "sbom", "vex", "vuln"); err == nil || err.Error() != `kind "cve": it is sbom, vex or vuln` {
		t.Error(err)
	}
	if err := ask.OneOf("status", "", "open", "all"); err == nil || err.Error() != `status "": it is open or all` {
		t.Error(err)
	}
}

func TestLimit(t *testing.T) {
	if ask.Limit(0) != nil || ask.Limit(7) != nil || ask.Limit(-1) == nil {
		t.Error("0 is all, and less is wrong")
	}
}
