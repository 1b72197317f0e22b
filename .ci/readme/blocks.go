package main

import (
	"fmt"
	"regexp"
	"strings"
)

// block is a fenced block that is run.
type block struct {
	file       string
	line       int // of its first line within the file
	text       string
	background bool
	needs      string   // a command without which it is passed over; empty for none
	want       []string // lines that must occur in its output
}

// at names the block in messages.
func (b block) at() string { return fmt.Sprintf("%s:%d", b.file, b.line) }

var fence = regexp.MustCompile("^([ \t]*)(```+)[ \t]*([^`]*)$")

// parse returns the blocks of a Markdown text that are run, with what is
// expected of them.
func parse(file, text string) ([]block, error) {
	var (
		blocks  []block
		open    []string // indent, ticks and info string of the block we are in
		begin   int
		content []string
		last    string // info string of the block before, if only prose follows it
	)
	for i, line := range strings.Split(text, "\n") {
		if open == nil {
			if m := fence.FindStringSubmatch(line); m != nil {
				open, begin, content = m[1:], i+2, nil
			}
			continue
		}
		trimmed := strings.TrimSpace(line)
		if !strings.HasPrefix(trimmed, open[1]) || strings.Trim(trimmed, "`") != "" {
			content = append(content, strings.TrimPrefix(line, open[0]))
			continue
		}
		info := strings.TrimSpace(open[2])
		b := block{file: file, line: begin, text: strings.Join(content, "\n") + "\n"}
		if command, conditional := strings.CutPrefix(info, "sh if "); conditional && command != "" && !strings.Contains(command, " ") {
			b.needs, info = command, "sh"
		}
		switch {
		case info == "sh":
			blocks = append(blocks, b)
		case info == "sh background":
			b.background = true
			blocks = append(blocks, b)
		case strings.HasPrefix(info, "sh "):
			return nil, fmt.Errorf("%s: info string '%s' is not known: write 'sh', 'sh if COMMAND' or 'sh background', or 'console' for what is not run", b.at(), info)
		case info == "text" && last == "sh":
			blocks[len(blocks)-1].want = content
		case info == "text" && last == "sh background":
			return nil, fmt.Errorf("%s: what a background block prints is not compared: leave out the info string", b.at())
		}
		last, open = info, nil
	}
	if open != nil {
		return nil, fmt.Errorf("%s:%d: the block is not closed", file, begin)
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("%s: no block with the info string 'sh': nothing would be run", file)
	}
	return blocks, nil
}

// missing returns the expected lines that occur in no line of the output.
func (b block) missing(output string) []string {
	var absent []string
	lines := strings.Split(output, "\n")
	for _, want := range b.want {
		want = strings.TrimSpace(want)
		if strings.Trim(want, "…") == "" {
			continue
		}
		parts := strings.Split(want, "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern := regexp.MustCompile(strings.Join(parts, ".*"))
		found := false
		for _, line := range lines {
			found = found || pattern.MatchString(line)
		}
		if !found {
			absent = append(absent, want)
		}
	}
	return absent
}
