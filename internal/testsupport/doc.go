// Package testsupport holds what tests of several packages share: certificates
// and a real S3 server. No program of the product imports it.
package testsupport
