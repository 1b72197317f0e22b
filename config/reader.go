package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// source is one register file being read. It collects what is wrong with it.
type source struct {
	path     string // as problems name it
	problems *Problems
	// archived: the register was in force once, perhaps under an older form of
	// the registers, and is read to explain what was decided.
	archived bool
}

// report notes a problem at a node. The text is a sentence and, after a
// semicolon, what to do.
func (s source) report(n *yaml.Node, code, format string, args ...any) {
	*s.problems = append(*s.problems, Problem{
		File: s.path, Line: n.Line, Column: n.Column,
		Code: code, Text: fmt.Sprintf(format, args...),
	})
}

// yamlLine finds the line in an error of the YAML library.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// parse reads the one document of a register. It returns nil when there is
// nothing to go on with.
func (s source) parse(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		s.reportSyntax(data, err)
		return nil
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		s.report(&second, "second-document", "the file holds a second document; keep one document in a file")
		return nil
	} else if !errors.Is(err, io.EOF) {
		s.reportSyntax(data, err)
		return nil
	}
	if !s.plain(&doc) {
		return nil
	}
	return doc.Content[0]
}

// reportSyntax notes that a file is not YAML.
func (s source) reportSyntax(data []byte, err error) {
	if errors.Is(err, io.EOF) {
		s.report(&yaml.Node{Line: 1, Column: 1}, "empty-file", "the file is empty; write the register, or take the default one")
		return
	}
	line, text := 1, err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		if n, convErr := strconv.Atoi(m[1]); convErr == nil {
			line = n
		}
		text = m[2]
	}
	if at := brokenLine(data, err); at > 0 {
		line = at
	}
	s.report(&yaml.Node{Line: line, Column: 1}, "not-yaml", "not YAML: %s; mend the syntax on this line or the next ones", text)
}

// brokenLine is the line with which a file ceases to be YAML; 0 if nobody knows. The
// library names the one in which the broken list or mapping begins: the first so many
// lines that have the same error tell which it is.
func brokenLine(data []byte, broken error) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	ends := make([]int, len(lines))
	for i, line := range lines {
		ends[i] = len(line)
		if i > 0 {
			ends[i] += ends[i-1]
		}
	}
	same := func(n int) bool {
		decoder := yaml.NewDecoder(bytes.NewReader(data[:ends[n]]))
		var err error
		for err == nil {
			err = decoder.Decode(new(yaml.Node))
		}
		return err.Error() == broken.Error()
	}
	if n := sort.Search(len(lines), same); n < len(lines) {
		return n + 1
	}
	return 0
}

// plain reports anchors, aliases, tags, and texts and lists that are too long. A register must be readable where it
// stands, by somebody who does not know YAML well.
func (s source) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		s.report(n, "not-plain", "alias *%s is not read; write the value out", n.Value)
		return false
	case n.Anchor != "":
		s.report(n, "not-plain", "anchor &%s is not read; leave it out", n.Anchor)
		return false
	case n.Style&yaml.TaggedStyle != 0:
		s.report(n, "not-plain", "tag %s is not read; leave it out", n.Tag)
		return false
	}
	ok := !s.longList(n)
	if len(n.Value) > maxText {
		s.report(n, "too-long", "a text of %d bytes is too long; write at most %d", len(n.Value), maxText)
		ok = false
	}
	for _, child := range n.Content {
		ok = s.plain(child) && ok
	}
	return ok
}
