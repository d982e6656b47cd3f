package script

import (
	"errors"
	"strings"
)

// words splits a command line as a shell does: at blanks, except within quotes. A pipe is a word of its own.
// Nothing is expanded.
func words(line string) ([]string, error) {
	var list []string
	var word strings.Builder
	open := false // a word has begun, if only with a quote
	finish := func() {
		if open {
			list = append(list, word.String())
			word.Reset()
			open = false
		}
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n':
			finish()
		case '|':
			finish()
			list = append(list, "|")
		case '\\':
			if i++; i < len(line) && line[i] != '\n' {
				word.WriteByte(line[i])
				open = true
			}
		case '\'', '"':
			for i++; i < len(line) && line[i] != c; i++ {
				if c == '"' && line[i] == '\\' && i+1 < len(line) {
					i++
				}
				word.WriteByte(line[i])
			}
			if i == len(line) {
				return nil, errors.New("a quote is not closed")
			}
			open = true
		default:
			word.WriteByte(c)
			open = true
		}
	}
	finish()
	return list, nil
}
