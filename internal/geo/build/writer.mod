// Pins what build/write.go is compiled with. It stands in for go.mod while
// build/run.sh runs, so that the project itself needs none of it.
module github.com/sparkoo/transfergate

go 1.26.0

require github.com/maxmind/mmdbwriter v1.2.0

require (
	github.com/oschwald/maxminddb-golang/v2 v2.6.0
	go4.org/netipx v0.0.0-20231129151722-fdeea329fbba // indirect
	golang.org/x/sys v0.48.0 // indirect
)
