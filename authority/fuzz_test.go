package authority

import (
	"testing"

	"sluice/internal/id"
)

// FuzzParseSecret: what is taken for a secret is one, letter by letter.
func FuzzParseSecret(f *testing.F) {
	f.Add(newSecret(prefixToken, id.Operator).text)
	f.Add(prefixToken)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSecret(prefixToken, text)
		if err != nil {
			return
		}
		if rest := text[len(prefixToken):]; s.text != text || rest[:widthTenant] != base62(s.tenant[:], widthTenant) {
			t.Errorf("%q is %+v", text, s)
		}
	})
}

// FuzzParseKeys: whatever an issuer says, what is kept are public keys.
func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","k":"AAAA"}]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := parseKeys(body)
		if (err == nil) != (len(list) > 0) {
			t.Errorf("%d keys, %v", len(list), err)
		}
		for _, k := range list {
			if !k.IsPublic() || !k.Valid() {
				t.Errorf("%+v is kept", k)
			}
		}
	})
}
