package notify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/internal/secret"
)

// Webhooks are signed by the convention of Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over the
// message's id, the time of the attempt in seconds and the body, joined by dots. Receivers have libraries for it in
// most languages; docs/notifications.md has ten lines without one.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// secretPrefix marks a secret for people and for scanners of repositories.
const secretPrefix = "whsec_"

// newSecret makes a secret of 256 bits.
func newSecret() secret.Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return secret.Secret(secretPrefix + base64.StdEncoding.EncodeToString(b[:]))
}

// key is what a secret signs with.
func key(s secret.Secret) ([]byte, error) {
	rest, ok := strings.CutPrefix(string(s), secretPrefix)
	k, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(k) < 24 || len(k) > 64 {
		return nil, errors.New("a secret is whsec_ and base64 of 24 to 64 random bytes: printf whsec_ > secret; head -c 32 /dev/urandom | base64 >> secret")
	}
	return k, nil
}

// sign is the value of the header Webhook-Signature.
func sign(s secret.Secret, id string, at time.Time, body []byte) (string, error) {
	k, err := key(s)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
