package testsupport_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

const bucket = "evidence"

// TestS3 proves that the server is a real one before the gateway is put between
// it and a client: what the client signs, splits and sums up must come back.
func TestS3(t *testing.T) {
	addr, caPEM, accessKey, secretKey := testsupport.StartS3(t)
	transport := transportTo(t, addr, caPEM)
	client := newClient(t, transport, accessKey, secretKey)
	if err := client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{Region: testsupport.S3Region}); err != nil {
		t.Fatalf("making a bucket: %v", err)
	}
	t.Run("multi-part upload and download", func(t *testing.T) { testMultipart(t, client) })
	t.Run("presigned GET and PUT", func(t *testing.T) { testPresigned(t, client, transport) })
	t.Run("a wrong secret", func(t *testing.T) { testWrongSecret(t, newClient(t, transport, accessKey, "not the secret")) })
}

// transportTo trusts the server's authority alone and finds S3Name at addr.
func transportTo(t *testing.T, addr string, caPEM []byte) *http.Transport {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(caPEM) {
		t.Fatal("the authority's certificate cannot be read")
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func newClient(t *testing.T, transport http.RoundTripper, accessKey, secretKey string) *minio.Client {
	t.Helper()
	client, err := minio.New(testsupport.S3Name, &minio.Options{
		Creds:        credentials.NewStaticV4(accessKey, secretKey, ""),
		Secure:       true,
		Transport:    transport,
		Region:       testsupport.S3Region,
		BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		t.Fatalf("making an S3 client: %v", err)
	}
	return client
}

// content is a stream of that many bytes, the same for the same seed.
func content(seed byte, size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), size)
}

func sum(t *testing.T, r io.Reader) string {
	t.Helper()
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		t.Fatalf("reading content: %v", err)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}

func testMultipart(t *testing.T, client *minio.Client) {
	size, parts := int64(20<<20), 2 // of 16 MiB
	if testsupport.Full() && !testsupport.Race {
		size, parts = 100<<20, 7
	}
	info, err := client.PutObject(t.Context(), bucket, "large", content(1, size), size,
		minio.PutObjectOptions{PartSize: 16 << 20})
	if err != nil {
		t.Fatalf("uploading %d bytes: %v", size, err)
	}
	// S3 marks what came in parts by their number after a dash.
	if want := fmt.Sprintf("-%d", parts); !strings.HasSuffix(info.ETag, want) {
		t.Errorf("ETag %q, want one that ends in %q", info.ETag, want)
	}
	object, err := client.GetObject(t.Context(), bucket, "large", minio.GetObjectOptions{})
	if err != nil {
		t.Fatalf("downloading: %v", err)
	}
	defer object.Close()
	if got, want := sum(t, object), sum(t, content(1, size)); got != want {
		t.Errorf("SHA-256 of what came back is %s, want %s", got, want)
	}
}

func testPresigned(t *testing.T, client *minio.Client, transport http.RoundTripper) {
	const size = 1 << 20
	http := &http.Client{Transport: transport}
	put, err := client.PresignedPutObject(t.Context(), bucket, "presigned", time.Minute)
	if err != nil {
		t.Fatalf("presigning a PUT: %v", err)
	}
	body, err := io.ReadAll(content(2, size))
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := do(t, http, "PUT", put, body); status != 200 {
		t.Fatalf("presigned PUT: %d %s", status, answer)
	}
	get, err := client.PresignedGetObject(t.Context(), bucket, "presigned", time.Minute, nil)
	if err != nil {
		t.Fatalf("presigning a GET: %v", err)
	}
	status, answer := do(t, http, "GET", get, nil)
	if status != 200 || !bytes.Equal(answer, body) {
		t.Errorf("presigned GET: %d and %d bytes, want 200 and the %d bytes that were put", status, len(answer), len(body))
	}
	get.Path = "/" + bucket + "/large" // the signature covers the path
	if status, _ := do(t, http, "GET", get, nil); status != 403 {
		t.Errorf("presigned GET of another object: %d, want 403", status)
	}
}

func do(t *testing.T, client *http.Client, method string, url *url.URL, body []byte) (status int, answer []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url.String(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the answer to %s: %v", method, err)
	}
	return response.StatusCode, answer
}

func testWrongSecret(t *testing.T, client *minio.Client) {
	_, err := client.StatObject(t.Context(), bucket, "large", minio.StatObjectOptions{})
	if code := minio.ToErrorResponse(err).StatusCode; code != 403 {
		t.Errorf("status %d (%v), want 403", code, err)
	}
}
