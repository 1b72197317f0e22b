// Package bench measures the gateway beside what a user would pick instead: stock Caddy,
// stock Caddy that does the job by hand, nginx and HAProxy. All of them are processes of
// their own which do the same work at the same time, so that whatever else the machine
// does befalls all alike; what is compared is the CPU time that a request costs the
// process. Absolute numbers differ from machine to machine and hour to hour: the ratio to
// stock Caddy is what a table is read for.
//
// The load comes from this process (http1.go, http2.go), over connections that are kept,
// with one request at a time on each; what answers behind the peers (upstream.go) is in
// it, too. A Result says how fast both are without a peer between them, because a
// generator that is slower than what it measures shows nothing.
//
// The CPU time and the memory of processes are read on Linux only.
package bench
