package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// partBytes is the part of an object whose size nobody knows yet; it is held in memory.
// A bucket takes 10,000 parts: 320 GB.
const partBytes = 32 << 20

// Bucket is a Store in a bucket, below a prefix.
type Bucket struct {
	client       *minio.Client
	name, prefix string
	where        string
}

// OpenBucket takes s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&region=REGION; without an endpoint it is Amazon's.
// Who we are says AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else ~/.aws/credentials, else the
// role of the machine. The bucket must be there.
func OpenBucket(ctx context.Context, where string) (*Bucket, error) {
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil {
		return nil, errors.New("a bucket is named s3://BUCKET/PREFIX?endpoint=https://HOST:PORT, and its keys by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	query := u.Query()
	for key := range query {
		if key != "endpoint" && key != "region" {
			return nil, fmt.Errorf("bucket %s: there is no setting %q; there are endpoint and region", u.Host, key)
		}
	}
	endpoint, err := url.Parse(query.Get("endpoint"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("bucket %s: endpoint: %w", u.Host, err)
	case endpoint.Host == "":
		if query.Get("endpoint") != "" {
			return nil, fmt.Errorf("bucket %s: the endpoint is a URL, https://HOST:PORT", u.Host)
		}
		endpoint = &url.URL{Scheme: "https", Host: "s3.amazonaws.com"}
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Secure: endpoint.Scheme != "http",
		Region: query.Get("region"),
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", u.Host, err)
	}
	b := &Bucket{client: client, name: u.Host, prefix: strings.Trim(u.Path, "/"), where: where}
	if b.prefix != "" {
		b.prefix += "/"
	}
	there, err := client.BucketExists(ctx, b.name)
	if err != nil {
		return nil, fmt.Errorf("bucket %s at %s: %w", b.name, endpoint, err)
	}
	if !there {
		return nil, fmt.Errorf("there is no bucket %s at %s: make it first, with versions or a lock against deletion where you can", b.name, endpoint)
	}
	return b, nil
}

func (b *Bucket) String() string { return b.where }

func (b *Bucket) key(name string) string { return b.prefix + name }

// Create puts the object on the condition that there is none (If-None-Match). Servers that are too old for
// the condition say so or ignore it: then the look before decides, which two at the same moment can get past.
func (b *Bucket) Create(ctx context.Context, name string, body io.Reader, size int64) error {
	if _, err := b.client.StatObject(ctx, b.name, b.key(name), minio.StatObjectOptions{}); err == nil {
		return fmt.Errorf("%s: %w", name, ErrExists)
	} else if !missing(err) {
		return fmt.Errorf("look for %s: %w", name, err)
	}
	opts := minio.PutObjectOptions{
		ContentType: "application/octet-stream", PartSize: partBytes,
		// Not signed chunk by chunk: some servers store the signatures of parts as data. The sums in
		// markers and heads are what tells damage.
		DisableContentSha256: true,
	}
	opts.SetMatchETagExcept("*")
	_, err := b.client.PutObject(ctx, b.name, b.key(name), body, size, opts)
	switch code := minio.ToErrorResponse(err).Code; {
	case code == "PreconditionFailed" || code == "ConditionalRequestConflict":
		return fmt.Errorf("%s: %w", name, ErrExists)
	case err != nil:
		return fmt.Errorf("put %s: %w", name, err)
	}
	return nil
}

func missing(err error) bool {
	code := minio.ToErrorResponse(err).Code
	return code == "NoSuchKey" || code == "NotFound"
}

// Open asks for the object.
func (b *Bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	object, err := b.client.GetObject(ctx, b.name, b.key(name), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", name, err)
	}
	return &found{object, name}, nil
}

// found says in our words that there is no such object, which its server tells with the first read.
type found struct {
	*minio.Object
	name string
}

func (o *found) Read(p []byte) (int, error) {
	n, err := o.Object.Read(p)
	if err != nil && missing(err) {
		err = fmt.Errorf("%s: %w", o.name, fs.ErrNotExist)
	}
	return n, err
}

// List pages through the bucket.
func (b *Bucket) List(ctx context.Context, prefix string) ([]Object, error) {
	ctx, stop := context.WithCancel(ctx) // ends the pages that are not read
	defer stop()
	var list []Object
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.key(prefix), Recursive: true}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list %s: %w", path.Join(b.name, b.key(prefix)), o.Err)
		}
		list = append(list, Object{Name: strings.TrimPrefix(o.Key, b.prefix), Bytes: o.Size, Modified: o.LastModified})
	}
	slices.SortFunc(list, func(x, y Object) int { return strings.Compare(x.Name, y.Name) })
	return list, ctx.Err()
}

// Remove deletes the object.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	if err := b.client.RemoveObject(ctx, b.name, b.key(name), minio.RemoveObjectOptions{}); err != nil && !missing(err) {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// Sweep aborts uploads in parts that nobody finished; the parts cost money and are in no listing.
func (b *Bucket) Sweep(ctx context.Context, age time.Duration) (n int, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for u := range b.client.ListIncompleteUploads(ctx, b.name, b.prefix, true) {
		if u.Err != nil {
			return n, fmt.Errorf("list unfinished uploads: %w", u.Err)
		}
		if time.Since(u.Initiated) < age {
			continue
		}
		if err := b.client.RemoveIncompleteUpload(ctx, b.name, u.Key); err != nil {
			return n, fmt.Errorf("abort the upload of %s: %w", u.Key, err)
		}
		n++
	}
	return n, nil
}

// Open is the store that a place names: a bucket where it starts with s3:, else a folder.
func Open(ctx context.Context, where string) (Store, error) {
	if strings.HasPrefix(where, "s3:") {
		return OpenBucket(ctx, where)
	}
	if strings.Contains(where, "://") {
		return nil, fmt.Errorf("%s: backups go to a folder or to s3://BUCKET/PREFIX", where)
	}
	return OpenFolder(strings.TrimPrefix(where, "file:"))
}
