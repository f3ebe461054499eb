package id

import (
	"fmt"
	"testing"
)

func ExampleDerive() {
	tenant, _ := Parse("6f1d0a3e-8f0f-4c8a-9a43-0d6f5f0f2b11")
	fmt.Println(Derive(tenant, "package", "pkg:npm/lodash@4.17.20"))
	fmt.Println(Derive(Shared, "package", "pkg:npm/lodash@4.17.20"))
	// Output:
	// 1fddf54e-52a5-8ecb-9838-aacd87729eec
	// 644c0a6e-4458-8ecd-92c4-99a2734e038f
}

func TestDeriveSeparatesParts(t *testing.T) {
	if Derive(Shared, "x", "ab", "c") == Derive(Shared, "x", "a", "bc") {
		t.Fatal("the same id for different parts")
	}
}

func TestTextRoundTrip(t *testing.T) {
	want := Derive(Shared, "x", "y")
	got, err := Parse(want.String())
	if err != nil || got != want {
		t.Fatalf("Parse(%s) = %s, %v", want, got, err)
	}
	if v := want[6] >> 4; v != 8 {
		t.Errorf("version %d, want 8", v)
	}
	if _, err := Parse("not-a-uuid"); err == nil {
		t.Error("Parse accepts garbage")
	}
}
