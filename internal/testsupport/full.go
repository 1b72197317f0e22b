package testsupport

import "os"

// Full reports whether tests that repeat one thing, such as killing a gateway, do it
// as often as CI wants (TRANSFERGATE_TESTS_FULL=1), not as a developer waits for.
func Full() bool { return os.Getenv("TRANSFERGATE_TESTS_FULL") == "1" }
