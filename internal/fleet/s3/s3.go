// Package s3 is a fleet's store in a bucket of S3, or of what speaks like it. Import it
// to have the kind "s3" registered.
//
// Objects are put with the lock's mode COMPLIANCE, which not even the account's owner can
// take back, and on condition that the name is free (If-None-Match, RFC 9110). A store
// that does not know the condition takes a second version; that one is there shows in
// the list of versions all the same. To put needs leave for PutObject and
// PutObjectRetention on the bucket's objects; to collect, for ListBucketVersions and
// GetObjectVersion.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/fleet"
)

func init() {
	fleet.Register("s3", func(c fleet.Config) (fleet.Store, error) { return Open(c) })
}

// connections is how many requests to a store may be under way.
const connections = 32

// Store is a bucket, or the part of one whose names begin with a prefix.
type Store struct {
	client         *minio.Client
	bucket, prefix string
	locked         bool
}

// Open returns the store of a configuration. It asks nobody.
func Open(c fleet.Config) (*Store, error) {
	if err := fetch.CheckPlainURL("store", c.URL); err != nil {
		return nil, err
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, errors.New("the URL of the store cannot be read")
	case strings.Trim(u.Path, "/") != "":
		return nil, fmt.Errorf("the URL of the store at %s may have no path: the bucket is named after it", u.Host)
	case c.Bucket == "":
		return nil, errors.New("no bucket is named")
	case c.Region == "":
		return nil, errors.New("no region is named, which requests are signed for: the store would be asked for it, which needs leave that is not to be given")
	case c.Access == "" || c.Secret == "":
		return nil, errors.New("no credentials are named")
	}
	transport, err := minio.DefaultTransport(u.Scheme == "https")
	if err != nil {
		return nil, fmt.Errorf("preparing connections to the store: %w", err)
	}
	transport.MaxIdleConnsPerHost, transport.MaxConnsPerHost = connections, connections
	transport.ResponseHeaderTimeout = time.Minute
	if c.Authorities != nil {
		transport.TLSClientConfig.RootCAs = c.Authorities
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(c.Access, c.Secret, ""), Secure: u.Scheme == "https", Region: c.Region,
		Transport: transport, BucketLookup: minio.BucketLookupPath, MaxRetries: 1, // whoever ships tries again
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the store: %w", err)
	}
	return &Store{client: client, bucket: c.Bucket, prefix: c.Prefix, locked: !c.Unlocked}, nil
}

// Put implements [fleet.Putter].
func (s *Store) Put(ctx context.Context, o fleet.Object) error {
	options := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true, SendContentMd5: true}
	if s.locked {
		options.Mode, options.RetainUntilDate = minio.Compliance, o.RetainUntil.UTC()
	}
	if !o.Beside {
		options.SetMatchETagExcept("*")
	}
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+o.Name, bytes.NewReader(o.Data), int64(len(o.Data)), options)
	switch {
	case err == nil:
		return nil
	case answer(err).StatusCode == http.StatusPreconditionFailed:
		return fleet.ErrTaken
	}
	return fmt.Errorf("putting %s: %w", o.Name, plain(err))
}

// List implements [fleet.Store].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[fleet.Version, error] {
	return func(yield func(fleet.Version, error) bool) {
		options := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true, WithVersions: true}
		for info := range s.client.ListObjectsIter(ctx, s.bucket, options) {
			if info.Err != nil {
				yield(fleet.Version{}, fmt.Errorf("listing the store: %w", plain(info.Err)))
				return
			}
			v := fleet.Version{Name: strings.TrimPrefix(info.Key, s.prefix), ID: info.VersionID, Marker: info.IsDeleteMarker, Size: info.Size, Put: info.LastModified}
			if !v.Marker {
				v.Sum = info.ETag
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(fleet.Version{}, fmt.Errorf("listing the store: %w", err))
		}
	}
}

// Get implements [fleet.Store].
func (s *Store) Get(ctx context.Context, v fleet.Version) (data []byte, err error) {
	o, err := s.client.GetObject(ctx, s.bucket, s.prefix+v.Name, minio.GetObjectOptions{VersionID: v.ID})
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(o, min(v.Size, fleet.MaxObject)+1))
		err = errors.Join(err, o.Close())
	}
	switch code := answer(err).StatusCode; {
	case err == nil && int64(len(data)) != v.Size:
		return nil, fmt.Errorf("reading %s: %d bytes came, and the list says %d", v.Name, len(data), v.Size)
	case err == nil:
		return data, nil
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed: // of a marker
		return nil, fmt.Errorf("reading %s: %w", v.Name, fleet.ErrGone)
	}
	return nil, fmt.Errorf("reading %s: %w", v.Name, plain(err))
}

// answer is what the store said, if an error is that it said something.
func answer(err error) minio.ErrorResponse {
	said, _ := errors.AsType[minio.ErrorResponse](err)
	return said
}

// plain is an error without the URL that was asked, and without what came back but its
// code.
func plain(err error) error {
	if said := answer(err); said.Code != "" {
		return fmt.Errorf("the store answered %d %s", said.StatusCode, said.Code)
	}
	if at, ok := errors.AsType[*url.Error](err); ok {
		return at.Err
	}
	return err
}

var _ fleet.Store = (*Store)(nil)
