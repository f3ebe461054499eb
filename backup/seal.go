package backup

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// Keys are what backups are encrypted to and read with.
type Keys struct {
	recipients []age.Recipient
	identities []age.Identity
}

// ReadKeys takes recipients (age1…, or the name of a file with one per line) and the file of an identity; either may be empty.
func ReadKeys(recipients []string, identity string) (Keys, error) {
	var k Keys
	for _, r := range recipients {
		text := r
		if !strings.HasPrefix(r, "age1") {
			b, err := os.ReadFile(r)
			if err != nil {
				return k, fmt.Errorf("recipient %q is no age1… and no file with some: %w", r, err)
			}
			text = string(b)
		}
		if strings.Contains(text, "AGE-SECRET-KEY-") {
			return k, fmt.Errorf("recipient file %s holds a secret key: who writes backups needs its public half only, age1…", r)
		}
		list, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return k, fmt.Errorf("recipient %q: %w", r, err)
		}
		k.recipients = append(k.recipients, list...)
	}
	if identity != "" {
		f, err := os.Open(identity)
		if err != nil {
			return k, fmt.Errorf("identity that opens backups: %w", err)
		}
		defer f.Close()
		if k.identities, err = age.ParseIdentities(f); err != nil {
			return k, fmt.Errorf("identity %s: %w", identity, err)
		}
	}
	return k, nil
}

// NewKey writes a new identity to a file that must not be there yet, and returns its recipient.
func NewKey(path string) (recipient string, err error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("key for backups: %w", err)
	}
	_, err = fmt.Fprintf(f, "# public key: %s\n%s\n", key.Recipient(), key)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", fmt.Errorf("key for backups: %w", err)
	}
	return key.Recipient().String(), nil
}

// CanRead tells whether there is an identity.
func (k Keys) CanRead() bool { return len(k.identities) > 0 }

// encryption is what the markers and heads say.
func (k Keys) encryption() string {
	if len(k.recipients) > 0 {
		return "age"
	}
	return "none"
}

// suffix ends the names of what is sealed so.
func suffix(encryption string) string {
	if encryption == "age" {
		return ".zst.age"
	}
	return ".zst"
}

// digest counts and hashes what passes.
type digest struct {
	h hash.Hash
	n int64
}

func newDigest() *digest { return &digest{h: sha256.New()} }

func (d *digest) Write(p []byte) (int, error) {
	d.n += int64(len(p))
	return d.h.Write(p)
}

func (d *digest) sum() string { return fmt.Sprintf("%x", d.h.Sum(nil)) }

// sealer compresses and encrypts what is written to it. Close ends both and leaves the writer below open.
type sealer struct {
	*zstd.Encoder
	age io.WriteCloser // nil without encryption
}

func (k Keys) seal(w io.Writer) (*sealer, error) {
	s := &sealer{}
	if len(k.recipients) > 0 {
		var err error
		if s.age, err = age.Encrypt(w, k.recipients...); err != nil {
			return nil, fmt.Errorf("encrypt: %w", err)
		}
		w = s.age
	}
	var err error
	// Two at a time: the server sends no faster than that on the machines that this runs beside.
	s.Encoder, err = zstd.NewWriter(w, zstd.WithEncoderConcurrency(2))
	return s, err
}

func (s *sealer) Close() error {
	err := s.Encoder.Close()
	if s.age != nil && err == nil {
		err = s.age.Close()
	}
	return err
}

// errKey: what is stored was encrypted to somebody else.
var errKey = errors.New("the key does not open it: give the identity of one of its recipients with --backup-identity")

// opener reads what a sealer wrote.
type opener struct{ *zstd.Decoder }

func (k Keys) open(r io.Reader, encryption string) (*opener, error) {
	switch encryption {
	case "none":
	case "age":
		if len(k.identities) == 0 {
			return nil, errors.New("it is encrypted: give the identity with --backup-identity")
		}
		plain, err := age.Decrypt(r, k.identities...)
		var none *age.NoIdentityMatchError
		if errors.As(err, &none) {
			return nil, errKey
		}
		if err != nil {
			return nil, fmt.Errorf("decrypt: %w", err)
		}
		r = plain
	default:
		return nil, fmt.Errorf("this program does not know encryption %q", encryption)
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return &opener{d}, nil
}

func (o *opener) Close() error { o.Decoder.Close(); return nil }

// sealBytes seals a whole text.
func (k Keys) sealBytes(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	s, err := k.seal(&b)
	if err == nil {
		_, err = s.Write(plain)
	}
	if err == nil {
		err = s.Close()
	}
	return b.Bytes(), err
}

// openBytes opens one that is limit long or shorter.
func (k Keys) openBytes(sealed []byte, encryption string, limit int64) ([]byte, error) {
	o, err := k.open(bytes.NewReader(sealed), encryption)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	plain, err := io.ReadAll(io.LimitReader(o, limit+1))
	if err == nil && int64(len(plain)) > limit {
		err = fmt.Errorf("longer than %d bytes", limit)
	}
	return plain, err
}
