#!/bin/sh
# OpenID Connect: go-oidc v3.21.0 gives the beginning of a token five minutes of leeway and its end none.
#
# Two tokens, signed and for the right audience, from an issuer whose clock differs from ours: one that
# begins four minutes from now is accepted, one that ended a second ago is refused. There is no setting for
# a leeway of both; only the clock itself can be replaced (Config.Now), which moves both the same way.
# Output:
#
#   begins in 4 minutes: accepted
#   ended 1 second ago: refused
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
)

func main() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	keys := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key.Public()}}
	verifier := oidc.NewVerifier("https://issuer.example", keys, &oidc.Config{ClientID: "us", SupportedSigningAlgs: []string{"ES256"}})
	now := time.Now()
	for _, c := range []struct {
		name        string
		begins, end time.Time
	}{
		{"begins in 4 minutes", now.Add(4 * time.Minute), now.Add(time.Hour)},
		{"ended 1 second ago", now.Add(-time.Hour), now.Add(-time.Second)},
	} {
		token, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
			"iss": "https://issuer.example", "aud": "us", "sub": "x", "iat": c.begins.Unix(), "nbf": c.begins.Unix(), "exp": c.end.Unix(),
		}).SignedString(key)
		if err != nil {
			panic(err)
		}
		word := "accepted"
		if _, err := verifier.Verify(context.Background(), token); err != nil {
			word = "refused"
		}
		fmt.Println(c.name + ": " + word)
	}
}
GO
go mod init example >/dev/null 2>&1
go get github.com/coreos/go-oidc/v3@v3.21.0 github.com/golang-jwt/jwt/v5@v5.3.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
got=$(go run .)
echo "$got"
want='begins in 4 minutes: accepted
ended 1 second ago: refused'
[ "$got" = "$want" ] || { echo "it has changed"; exit 1; }
echo "as described: one side has leeway, the other none"
