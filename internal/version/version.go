// Package version says which version of the gateway a program was built with. It reads
// what Go writes into every program, so that nothing has to be told to the build.
package version

import (
	"cmp"
	"runtime/debug"
)

// module is the path of the gateway's own module.
const module = "github.com/sparkoo/transfergate"

// Own is the gateway's version in the program that runs, whoever's program it is.
func Own() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return Of(info)
}

const unknown = "unknown"

// Of is the gateway's version in a program: a tag (v1.2.3); a pseudo-version, which names
// the commit, with +dirty if files were changed after it; "(devel)" if it was built from
// a folder that version control was not asked about; or "unknown". A folder that replaced
// the module is not named: it says something of the machine that built.
func Of(info *debug.BuildInfo) string {
	if info.Main.Path == module {
		return cmp.Or(info.Main.Version, "(devel)")
	}
	for _, m := range info.Deps {
		switch {
		case m.Path != module:
		case m.Replace == nil:
			return cmp.Or(m.Version, unknown)
		case m.Replace.Version == "":
			return "(devel)"
		default:
			return m.Replace.Path + " " + m.Replace.Version
		}
	}
	return unknown
}
