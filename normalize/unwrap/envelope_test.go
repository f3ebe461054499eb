package unwrap

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/seal"
)

const inToto = "application/vnd.in-toto+json"

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func envelopeOf(payloadType, payload string) string {
	return fmt.Sprintf(`{"payloadType":%q,"payload":%q,"signatures":[{"keyid":"k","sig":%q}]}`, payloadType, b64(payload), b64("signature"))
}

func statementOf(predicateType, predicate string) string {
	return fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"ab"}}],"predicateType":%q,"predicate":%s}`, predicateType, predicate)
}

func bundleOf(envelope string) string {
	return fmt.Sprintf(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"h"}},"dsseEnvelope":%s}`, envelope)
}

func TestEnvelopes(t *testing.T) {
	t.Parallel()
	const bom = `{"bomFormat": "CycloneDX",  "specVersion":"1.6"}`
	const cdx = "https://cyclonedx.org/bom"
	dssed := envelopeOf(inToto, statementOf(cdx, bom))
	for _, c := range []struct {
		name, in, want string
		kind           seal.Kind
	}{
		{"DSSE with an in-toto statement", dssed, "in = " + bom, seal.DSSE},
		{"DSSE, payload first and URL-safe", `{"payload":"` + strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(`{"a":"??>>~~"}`)), "=") + `","payloadType":"application/json","signatures":[]}`, `in = {"a":"??>>~~"}`, seal.DSSE},
		{"DSSE with a document", envelopeOf("application/vnd.cyclonedx+json", bom), "in = " + bom, seal.DSSE},
		{"DSSE with a compressed document", envelopeOf("application/gzip", string(gz([]byte(bom)))), "in = " + bom, seal.DSSE},
		{"statement", statementOf(cdx, bom), "in = " + bom, seal.InToto},
		{"statement v0.1 with version in its type", strings.Replace(statementOf(cdx+"/v1.4", bom), "/v1\"", "/v0.1\"", 1), "in = " + bom, seal.InToto},
		{"SPDX", statementOf("https://spdx.dev/Document/v2.3", `{"spdxVersion":"SPDX-2.3"}`), `in = {"spdxVersion":"SPDX-2.3"}`, seal.InToto},
		{"SPDX tag-value as a string", statementOf("https://spdx.dev/Document", `"SPDXVersion: SPDX-2.3\n"`), "in = SPDXVersion: SPDX-2.3\n", seal.InToto},
		{"OpenVEX", statementOf("https://openvex.dev/ns/v0.2.0", `{"@context":"x"}`), `in = {"@context":"x"}`, seal.InToto},
		{"Data of cosign, text", statementOf("https://cosign.sigstore.dev/attestation/v1", `{"Data":"{\"bomFormat\":1}\n","Timestamp":"2026"}`), "in = {\"bomFormat\":1}\n", seal.InToto},
		{"Data of cosign, an object", statementOf(cdx, `{"Data": {"bomFormat":1}}`), `in = {"bomFormat":1}`, seal.InToto},
		{"a type of one's own", statementOf("https://example.org/sbom", bom), "in = " + bom, seal.InToto},
		{"bundle", bundleOf(dssed), "in = " + bom, seal.Sigstore},
		{"bundle of cosign around an attestation", `{"base64Signature":"` + b64(dssed) + `","cert":"","rekorBundle":{}}`, "in = " + bom, seal.Cosign},
		{"list", `{"attestations":[{"bundle":` + bundleOf(dssed) + `},` + dssed + `]}`, "in!/attestations/0 = " + bom + "\nin!/attestations/1 = " + bom, ""},
		{"with a byte order mark", "\xef\xbb\xbf" + dssed, "in = " + bom, seal.DSSE},

		{"a bundle beside a file", `{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.1","verificationMaterial":{},"messageSignature":{"signature":"AA=="}}`, "in: the signature of another file", ""},
		{"a bundle of cosign beside a file", `{"base64Signature":"MEUC","cert":""}`, "in: the signature of another file", ""},
		{"provenance", envelopeOf(inToto, statementOf("https://slsa.dev/provenance/v1", "{}")), "in unknown-format", ""},
		{"no base64", `{"payloadType":"x","payload":"%","signatures":[]}`, "in invalid", ""},
		{"no base64 in a signature", `{"payloadType":"x","payload":"","signatures":[{"sig":"%"}]}`, "in invalid", ""},
		{"two payloads", `{"payloadType":"x","payload":"e30=","payload":"e30="}`, "in invalid", ""},
		{"no envelope in the bundle", `{"dsseEnvelope":3}`, "in invalid", ""},
		{"nothing in the list", `{"attestations":[]}`, "in empty-archive", ""},
		{"a document with such words inside", `{"bomFormat":"CycloneDX","payload":"x","payloadType":"y"}`, `in = {"bomFormat":"CycloneDX","payload":"x","payloadType":"y"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			list := walk(t, []byte(c.in), normalize.Limits{})
			var got []string
			for _, e := range list {
				switch {
				case e.Err != nil:
					got = append(got, e.Origin+" "+e.Err.Reason)
					if !bytes.Equal(e.Bytes, []byte(strings.TrimPrefix(c.in, "\xef\xbb\xbf"))) {
						t.Errorf("what is parked is %.100q, not the whole of it", e.Bytes)
					}
				case e.Pass != "":
					got = append(got, e.Origin+": "+e.Pass)
				default:
					got = append(got, e.Origin+" = "+string(e.Bytes))
				}
			}
			if s := strings.Join(got, "\n"); s != c.want {
				t.Errorf("got\n%s\nwant\n%s", s, c.want)
			}
			if c.kind == "" {
				return
			}
			s := list[0].Seal
			if s == nil || s.Kind != c.kind {
				t.Fatalf("seal %+v, want %s", s, c.kind)
			}
			if want := strings.TrimPrefix(c.in, "\xef\xbb\xbf"); string(s.Bytes) != want {
				t.Errorf("the envelope is %.100q", s.Bytes)
			}
		})
	}
}

func TestSealSaysWhatTheEnvelopeSays(t *testing.T) {
	t.Parallel()
	st := statementOf("https://cyclonedx.org/bom", `{"bomFormat":"CycloneDX"}`)
	e := walk(t, []byte(bundleOf(strings.Replace(envelopeOf(inToto, st), `"keyid":"k"`, `"cert":`+fmt.Sprintf("%q", "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n"), 1))), normalize.Limits{})[0]
	s := e.Seal
	if s.PayloadType != inToto || s.PredicateType != "https://cyclonedx.org/bom" || len(s.Subjects) != 1 || s.Subjects[0].Name != "app" || s.Subjects[0].Digest["sha256"] != "ab" {
		t.Errorf("%+v", s)
	}
	if len(s.Signatures) != 1 || s.Signatures[0].KeyID != "h" || string(s.Signatures[0].Bytes) != "signature" || !bytes.Equal(s.Signatures[0].Certificate, []byte{1, 2, 3}) {
		t.Errorf("%+v", s.Signatures)
	}
	// The example of DSSE's protocol.md has this form.
	if want := fmt.Sprintf("DSSEv1 28 %s %d %s", inToto, len(st), st); string(s.Signed) != want {
		t.Errorf("signed is %q", s.Signed)
	}
}

func TestEnvelopesInEnvelopes(t *testing.T) {
	t.Parallel()
	in := `{"bomFormat":"CycloneDX"}`
	for range 3 {
		in = envelopeOf("application/json", in)
	}
	if list := walk(t, []byte(in), normalize.Limits{}); list[0].Err != nil || list[0].Seal == nil || string(list[0].Seal.Bytes) != in {
		t.Errorf("three: %+v", list[0])
	}
	for range 8 {
		in = envelopeOf("application/json", in)
	}
	if list := walk(t, []byte(in), normalize.Limits{}); len(list) != 1 || list[0].Err == nil || list[0].Err.Reason != normalize.ReasonLayers {
		t.Errorf("eleven: %s", show(list))
	}
	lim := normalize.Limits{MaxBytes: 1000}
	if list := walk(t, []byte(envelopeOf("x", string(gz(bytes.Repeat([]byte(" "), 100_000))))), lim); len(list) != 1 || list[0].Err == nil || list[0].Err.Reason != normalize.ReasonTooLarge {
		t.Errorf("a bomb in an envelope: %s", show(list))
	}
}

func TestWrappersInWrappers(t *testing.T) {
	t.Parallel()
	dssed := envelopeOf(inToto, statementOf("https://spdx.dev/Document", `{"spdxVersion":"SPDX-2.3"}`))
	in := zipOf(file{"feeds/a.tar.zst", string(zst(tarOf(file{"../../b.jsonl", dssed + "\n\n" + `{"id":"X"}` + "\n"}, file{"c.json", "{}"})))})
	want := "in!/feeds/a.tar.zst!/../../b.jsonl:1 = {\"spdxVersion\":\"SPDX-2.3\"}\nin!/feeds/a.tar.zst!/../../b.jsonl:3 = {\"id\":\"X\"}\nin!/feeds/a.tar.zst!/c.json = {}\n"
	list := walk(t, in, normalize.Limits{})
	if got := show(list); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if list[0].Line != 1 || list[1].Line != 3 || list[2].Line != 0 || list[0].Seal == nil || list[1].Seal != nil {
		t.Errorf("%+v", list)
	}
}

// TestRealEnvelopes opens those of the corpus: each gives a document, or says what it is about.
func TestRealEnvelopes(t *testing.T) {
	t.Parallel()
	documents := 0
	for _, e := range testdocs.Manifest(t, "in-toto statement", "DSSE envelope") {
		for _, got := range walk(t, e.Read(t), normalize.Limits{}) {
			switch {
			case got.Err == nil && got.Seal != nil && len(got.Seal.Subjects) > 0 && shapeOf(got.Bytes) == document:
				documents++
			case strings.Contains(e.Path, "tampered") && got.Err != nil && got.Err.Reason == normalize.ReasonInvalid: // its payload is no JSON any more
			case got.Err == nil || got.Err.Reason != normalize.ReasonUnknownFormat || !strings.Contains(got.Err.Error(), "predicate of type"):
				t.Errorf("%s: %v, %.200q", e.Path, got.Err, got.Bytes)
			}
		}
	}
	if documents < 3 {
		t.Errorf("%d documents", documents)
	}
}
