package config

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// The register files, in the order in which they are read and hashed.
const (
	statementFile   = "statement.yaml"
	controllersFile = "controllers.yaml"
	lawsFile        = "laws.yaml"
	regionsFile     = "regions.yaml"
	recipientsFile  = "recipients.yaml"
	activitiesFile  = "activities.yaml"
	safeguardsFile  = "safeguards.yaml"
	assessmentsFile = "assessments.yaml"
)

var fileNames = []string{
	statementFile, controllersFile, lawsFile, regionsFile,
	recipientsFile, activitiesFile, safeguardsFile, assessmentsFile,
}

// embedded holds the default registers.
//
//go:embed policy/*.yaml
var embedded embed.FS

// defaultName is where problems and positions of the default registers point:
// the folder in the repository.
const defaultName = "config/policy"

// Registers is everything the eight files say.
type Registers struct {
	// Policy is what the decision needs.
	Policy *decision.Policy
	// Terms are the statement's own lists.
	Terms Terms

	name  string            // of their folder, as positions have it
	files map[string][]byte // by name, as they were read
}

// Default reads the embedded policy, anew on each call. An error would be a fault
// of the build.
func Default() (*decision.Policy, error) {
	r, err := DefaultRegisters()
	if err != nil {
		return nil, err
	}
	return r.Policy, nil
}

// DefaultRegisters reads the embedded registers whole: the policy of [Default]
// and the statement's own lists.
func DefaultRegisters() (*Registers, error) { return rereadDefault(nil) }

func rereadDefault(old *Registers) (*Registers, error) {
	sub, err := fs.Sub(embedded, "policy")
	if err != nil {
		return nil, fmt.Errorf("opening the embedded registers: %w", err)
	}
	return reread(sub, defaultName, old)
}

// LoadFS reads the registers in the root of fsys. Problems and positions call
// that root name.
func LoadFS(fsys fs.FS, name string) (*decision.Policy, error) {
	r, err := LoadRegisters(fsys, name)
	if err != nil {
		return nil, err
	}
	return r.Policy, nil
}

// LoadRegisters is [LoadFS] with the statement's own lists besides the policy.
func LoadRegisters(fsys fs.FS, name string) (*Registers, error) { return reread(fsys, name, nil) }

// reread reads registers, and returns old if it was made of the same.
func reread(fsys fs.FS, name string, old *Registers) (*Registers, error) {
	var problems Problems
	files, err := readFiles(fsys, name, &problems)
	if err != nil {
		return nil, err
	}
	if len(problems) == 0 && old != nil && old.name == name && maps.EqualFunc(old.files, files, bytes.Equal) {
		return old, nil
	}
	return load(files, name, problems, false)
}

// load makes registers of the files' text. Problems are those found already.
func load(files map[string][]byte, name string, problems Problems, archived bool) (*Registers, error) {
	d := draft{name: name, problems: &problems, archived: archived}
	d.decode(files)
	d.check()
	if len(problems) > 0 {
		problems.Sort()
		return nil, slices.Compact(problems)
	}
	return d.finish(files), nil
}

// readFiles reads each register once, so that what is hashed is what is decoded.
func readFiles(fsys fs.FS, name string, problems *Problems) (map[string][]byte, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the registers in %s: %w", name, err)
	}
	for _, e := range entries {
		ext := path.Ext(e.Name())
		if (ext == ".yaml" || ext == ".yml") && !slices.Contains(fileNames, e.Name()) && e.Name() != TestsFile {
			*problems = append(*problems, Problem{
				File: path.Join(name, e.Name()), Code: "unknown-file",
				Text: "not one of the eight registers; " + suggest.For(e.Name(), fileNames),
			})
		}
	}
	files := map[string][]byte{}
	for _, f := range fileNames {
		data, err := fs.ReadFile(fsys, f)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			*problems = append(*problems, Problem{
				File: path.Join(name, f), Code: "missing-file",
				Text: "the file is missing; a policy has all eight registers",
			})
		case err != nil:
			return nil, fmt.Errorf("reading register %s: %w", path.Join(name, f), err)
		default:
			files[f] = data
		}
	}
	return files, nil
}

// digestOf identifies a policy: the SHA-256 of the text that
//
//	sha256sum statement.yaml controllers.yaml laws.yaml regions.yaml recipients.yaml activities.yaml safeguards.yaml assessments.yaml
//
// prints, so that anybody can recompute it with "| sha256sum".
func digestOf(files map[string][]byte) string {
	sum := sha256.Sum256([]byte(sumsOf(files)))
	return hex.EncodeToString(sum[:])
}

// Sums is the text whose SHA-256 is the policy's digest: a line for each register
// with the SHA-256 of the file and its name, as sha256sum prints it.
func (r *Registers) Sums() string { return sumsOf(r.files) }

func sumsOf(files map[string][]byte) string {
	var list strings.Builder
	for _, f := range fileNames {
		if files[f] == nil {
			continue // registers of before 2026-12 have no assessments
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(files[f]), f)
	}
	return list.String()
}
