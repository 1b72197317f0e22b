//go:build !unix

package regular

// nonblock is nothing: there are no named pipes among the files.
const nonblock = 0
