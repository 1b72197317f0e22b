package s3_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/sparkoo/transfergate/internal/fleet"
	_ "github.com/sparkoo/transfergate/internal/fleet/s3"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

const bucket = "ledgers"

// putOnly is the policy that deploy/docs/fleet.md has for a node.
const putOnly = `{"Version": "2012-10-17", "Statement": [{
	"Effect": "Allow", "Principal": {"AWS": ["node"]},
	"Action": ["s3:PutObject", "s3:PutObjectRetention"], "Resource": "arn:aws:s3:::ledgers/*"}]}`

// newBucket starts a server with a bucket that locks, and returns its administrator's
// client, and the store as a node and as an administrator has it.
func newBucket(t *testing.T) (admin *minio.Client, pool *x509.CertPool, node, all fleet.Store) {
	t.Helper()
	server := testsupport.StartLockedS3(t)
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(server.CA)
	admin, err := minio.New(server.Addr, &minio.Options{
		Creds: credentials.NewStaticV4(server.Access, server.Secret, ""), Secure: true, Region: testsupport.S3Region,
		BucketLookup: minio.BucketLookupPath, MaxRetries: 1, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{Region: testsupport.S3Region, ObjectLocking: true}); err != nil {
		t.Fatal(err)
	}
	server.AddUser("node", "node-secret")
	if err := admin.SetBucketPolicy(t.Context(), bucket, putOnly); err != nil {
		t.Fatal(err)
	}
	open := func(access, secret string) fleet.Store {
		s, err := fleet.Open("s3", fleet.Config{URL: "https://" + server.Addr, Bucket: bucket, Prefix: "eu/", Region: testsupport.S3Region,
			Access: access, Secret: secret, Authorities: pool})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return admin, pool, open("node", "node-secret"), open(server.Access, server.Secret)
}

func list(t *testing.T, s fleet.Store, prefix string) (all []fleet.Version) {
	t.Helper()
	for v, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// retention is what the server says of a version's lock. The client expects another name
// around it than this server's.
func retention(t *testing.T, admin *minio.Client, pool *x509.CertPool, name, version string) string {
	t.Helper()
	u, err := admin.Presign(t.Context(), http.MethodGet, bucket, name, time.Minute, url.Values{"retention": {""}, "versionId": {version}})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	res, err := client.Get(u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}

// What a node puts is locked, once under a name, and the node can do nothing else.
func TestStore(t *testing.T) {
	admin, pool, node, all := newBucket(t)
	until := time.Now().Add(24 * time.Hour)
	first := fleet.Object{Name: "live/a/default/1/epoch-000001/0000000000000000-1.zst", Data: []byte("one"), RetainUntil: until}
	if err := node.Put(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	other := first
	other.Data = []byte("another")
	if err := node.Put(t.Context(), other); !errors.Is(err, fleet.ErrTaken) {
		t.Errorf("a second put: %v", err)
	}
	other.Beside = true
	if err := node.Put(t.Context(), other); err != nil {
		t.Errorf("a second version: %v", err)
	}

	versions := list(t, all, "live/")
	if len(versions) != 2 || versions[1].Name != first.Name || versions[0].Sum == versions[1].Sum {
		t.Fatalf("listed: %+v", versions)
	}
	for i, want := range []string{"another", "one"} { // the oldest comes last
		if data, err := all.Get(t.Context(), versions[i]); err != nil || string(data) != want {
			t.Errorf("version %d: %q, %v", i, data, err)
		}
	}
	name, old := "eu/"+first.Name, versions[1].ID
	if said := retention(t, admin, pool, name, old); !strings.Contains(said, "<Mode>COMPLIANCE</Mode>") || !strings.Contains(said, until.UTC().Format("2006-01-02T15:04")) {
		t.Errorf("retention: %s", said)
	}
	if err := admin.RemoveObject(t.Context(), bucket, name, minio.RemoveObjectOptions{VersionID: old, GovernanceBypass: true}); err == nil {
		t.Error("the administrator deleted a locked version")
	}
	if err := admin.RemoveObject(t.Context(), bucket, name, minio.RemoveObjectOptions{}); err != nil {
		t.Error(err)
	}
	markers := 0
	for _, v := range list(t, all, "") {
		if v.Marker {
			markers++
		}
	}
	if markers != 1 {
		t.Errorf("%d markers after a deletion", markers)
	}
	gone := versions[1]
	gone.ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	if _, err := all.Get(t.Context(), gone); !errors.Is(err, fleet.ErrGone) {
		t.Errorf("a version that is not there: %v", err)
	}
}

// The credentials that deploy/docs/fleet.md gives a node put, and nothing else.
func TestPutOnly(t *testing.T) {
	_, _, node, all := newBucket(t)
	o := fleet.Object{Name: "checkpoint/a/default/1/epoch-000001/0000000000000001", Data: []byte("x"), RetainUntil: time.Now().Add(time.Hour)}
	if err := node.Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	there := list(t, all, "")
	if len(there) != 1 {
		t.Fatalf("%+v", there)
	}
	if data, err := node.Get(t.Context(), there[0]); err == nil || !strings.Contains(err.Error(), "403 AccessDenied") {
		t.Errorf("a node reads %q, %v", data, err)
	}
	for v, err := range node.List(t.Context(), "") {
		if err == nil || !strings.Contains(err.Error(), "403 AccessDenied") {
			t.Errorf("a node lists %+v, %v", v, err)
		}
	}
}

// What cannot work is said before anybody is asked.
func TestOpen(t *testing.T) {
	good := fleet.Config{URL: "https://s3.example.com", Bucket: "b", Region: "r", Access: "a", Secret: "s"}
	if _, err := fleet.Open("s3", good); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*fleet.Config){
		"use https":    func(c *fleet.Config) { c.URL = "http://s3.example.com" },
		"no path":      func(c *fleet.Config) { c.URL += "/b" },
		"no bucket":    func(c *fleet.Config) { c.Bucket = "" },
		"no region":    func(c *fleet.Config) { c.Region = "" },
		"no credentia": func(c *fleet.Config) { c.Secret = "" },
	} {
		c := good
		change(&c)
		if _, err := fleet.Open("s3", c); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q is wanted, and it says %v", want, err)
		}
	}
	if _, err := fleet.Open("s4", good); err == nil || !strings.Contains(err.Error(), "there is no kind of store 's4'; there is only 's3'") {
		t.Error(err)
	}
}
