package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// objectsHost is the name clients sign; the S3 server has another one.
const objectsHost = "objects.gw.test"

const s3Site = `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		identity header {
			from 127.0.0.0/8
		}
	}
}

http://objects.gw.test:{port} {
	transfer {
		activity storage
		region ap-southeast-3 {
			reverse_proxy https://{s3} {
				transport http {
					tls_trust_pool file {ca}
					tls_server_name {s3name}
				}
			}
		}
	}
}
`

// A real client's signed requests reach a real S3 server, under another name and
// over TLS, with Host and signature intact.
func TestS3ThroughTheGateway(t *testing.T) {
	s3, ca, access, secret := testsupport.StartS3(t)
	g := startGate(t, s3Site, map[string]string{"s3": s3, "ca": writeFile(t, "ca.pem", string(ca)), "s3name": testsupport.S3Name})
	_, port, err := net.SplitHostPort(g.addr)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, g.addr)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := minio.New(net.JoinHostPort(objectsHost, port), &minio.Options{
		Creds: credentials.NewStaticV4(access, secret, ""), Transport: transport,
		Region: testsupport.S3Region, BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), "evidence", minio.MakeBucketOptions{Region: testsupport.S3Region}); err != nil {
		t.Fatal(err)
	}

	size := int64(20 << 20) // several parts
	if testsupport.Full() && !testsupport.Race {
		size = 100 << 20
	}
	// A name that a path matcher would choke on is fine where the host decides.
	const name = "year 2026/a;b=c/São Paulo.bin"
	body := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }
	if _, err := client.PutObject(t.Context(), "evidence", name, body(), size, minio.PutObjectOptions{PartSize: 8 << 20}); err != nil {
		t.Fatalf("uploading: %v", err)
	}
	want := sum(t, body())

	object, err := client.GetObject(t.Context(), "evidence", name, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := sum(t, object); !bytes.Equal(got, want) {
		t.Error("the download differs from what was uploaded")
	}

	link, err := client.PresignedGetObject(t.Context(), "evidence", name, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: transport}).Get(link.String())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := sum(t, res.Body); res.StatusCode != 200 || !bytes.Equal(got, want) {
		t.Errorf("presigned: status %d, or other bytes", res.StatusCode)
	}

	// A signature made with another secret is the store's to refuse.
	wrong, err := minio.New(net.JoinHostPort(objectsHost, port), &minio.Options{
		Creds: credentials.NewStaticV4(access, "wrong", ""), Transport: transport,
		Region: testsupport.S3Region, BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.PutObject(t.Context(), "evidence", "x", strings.NewReader("x"), 1, minio.PutObjectOptions{}); minio.ToErrorResponse(err).Code != "SignatureDoesNotMatch" {
		t.Errorf("wrong secret: %v", err)
	}
	// Dot segments could lead out of a bucket.
	req, err := http.NewRequest(http.MethodGet, "http://"+objectsHost+"/evidence/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = "/evidence/../other/x"
	res, err = (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("dot segments: status %d", res.StatusCode)
	}
}

// sum is the SHA-256 of all of r.
func sum(t *testing.T, r io.Reader) []byte {
	t.Helper()
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		t.Fatal(err)
	}
	return hash.Sum(nil)
}
