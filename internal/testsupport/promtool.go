package testsupport

import "testing"

// Promtool is Prometheus's own tool for rules and metrics.
func Promtool(t testing.TB) string {
	t.Helper()
	return wants(t, "Prometheus", "promtool")
}
