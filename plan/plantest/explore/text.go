package explore

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// text is the JSON of something, with all that is arbitrary about it taken out and listed: numbers that stand for objects,
// versions, times.
type text struct {
	literal int
	marks   []mark
	refers  bool // to a version other than an object's own
}

// mark is one thing taken out.
type mark struct {
	what   byte
	object int   // whose version it is, or which object is named
	value  int64 // a version, a generation; a time in nanoseconds
}

const (
	anObject     = 'o'
	aVersion     = 'v'
	aGeneration  = 'g'
	aTime        = 't'
	anUnknownOne = 0 // the number of an object without a UID
)

// text takes apart what is written as JSON.
func (p *pool) text(v any) text { return p.textOf(mustJSON(v)) }

// textOf finds what names objects, and what counts or dates their changes. The UID of an object itself stands right before
// its resourceVersion.
func (p *pool) textOf(data []byte) text {
	var t text
	literal := make([]byte, 0, len(data))
	self, last := anUnknownOne, anUnknownOne
	for len(data) > 0 {
		m, length := markAt(data)
		if length == 0 {
			literal, data = append(literal, data[0]), data[1:]
			continue
		}
		literal, data = append(literal, 0), data[length:]
		switch m.what {
		case anObject:
			last = m.object
			if version, length := numberAfter(`","resourceVersion":"`, data); length > 0 {
				self, data = last, data[length:]
				t.marks = append(t.marks, m)
				m = mark{what: aVersion, object: self, value: int64(version)}
			}
		case aGeneration:
			m.object = self
		case aVersion: // of a reference
			m.object, t.refers = last, true
		}
		t.marks = append(t.marks, m)
	}
	t.literal = p.literal(string(literal))
	return t
}

// join makes one text of several.
func (p *pool) join(what string, texts ...text) text {
	literal := []byte(what)
	var joined text
	for _, t := range texts {
		literal = append(strconv.AppendInt(literal, int64(t.literal), 10), ' ')
		joined.marks = append(joined.marks, t.marks...)
		joined.refers = joined.refers || t.refers
	}
	joined.literal = p.literal(string(literal))
	return joined
}

// content gives a number to all that a text tells but versions.
func (p *pool) content(t text) int {
	content := strconv.AppendInt([]byte("content "), int64(t.literal), 10)
	for _, m := range t.marks {
		if m.what != aVersion {
			content = fmt.Appendf(content, " %c%d:%d", m.what, m.object, m.value)
		}
	}
	return p.literal(string(content))
}

// literal gives the number of a literal.
func (p *pool) literal(of string) int {
	known, ok := p.literals[of]
	if !ok {
		known = len(p.literals)
		p.literals[of] = known
	}
	return known
}

// markAt reads the mark that some JSON begins with. length 0: there is none.
func markAt(data []byte) (m mark, length int) {
	switch data[0] {
	case 'u':
		m.what = anObject
		m.object, length = objectAfter("uid-", data)
	case '-':
		m.what = anObject
		m.object, length = objectAfter("-x", data)
	case '"':
		for _, counter := range counters {
			if n, length := numberAfter(counter.prefix, data); length > 0 {
				return mark{what: counter.what, value: int64(n)}, length
			}
		}
	default:
		m.what = aTime
		m.value, length = timeIn(data)
	}
	return m, length
}

var counters = []struct {
	prefix string
	what   byte
}{{`"generation":`, aGeneration}, {`"observedGeneration":`, aGeneration}, {`"resourceVersion":"`, aVersion}}

// numberAfter reads a number behind a prefix. length, of both, is 0 if they are not there.
func numberAfter(prefix string, data []byte) (n, length int) {
	if !bytes.HasPrefix(data, []byte(prefix)) {
		return 0, 0
	}
	length = len(prefix)
	for length < len(data) && isDigit(data[length]) {
		n = 10*n + int(data[length]-'0')
		length++
	}
	if length == len(prefix) {
		return 0, 0
	}
	return n, length
}

// objectAfter reads what uid or suffix wrote behind a prefix.
func objectAfter(prefix string, data []byte) (n, length int) {
	n, length = numberAfter(prefix, data)
	if length != len(prefix)+digits || length < len(data) && isLetter(data[length]) {
		return anUnknownOne, 0
	}
	return n, length
}

// timeIn reads a time in nanoseconds. length is 0 if there is none.
func timeIn(data []byte) (nanoseconds int64, length int) {
	const shortest = len("2006-01-02T15:04:05Z")
	if len(data) < shortest || !isDigit(data[0]) || data[4] != '-' || data[10] != 'T' {
		return 0, 0
	}
	length = bytes.IndexByte(data, 'Z') + 1
	at, err := time.Parse(time.RFC3339Nano, string(data[:length]))
	if err != nil {
		return 0, 0
	}
	return at.UnixNano(), length
}

func isDigit(b byte) bool  { return '0' <= b && b <= '9' }
func isLetter(b byte) bool { return 'a' <= b && b <= 'z' }

// uid and suffix write the number of an object into its UID and, if its name is generated, into its name.
func uid(n int) string    { return fmt.Sprintf("uid-%0*d", digits, n) }
func suffix(n int) string { return fmt.Sprintf("x%0*d", digits, n) }

// digits is how many a number has. mostObjects is how many numbers there are.
const (
	digits      = 3
	mostObjects = 1000
)

// numberIn reads what uid or suffix wrote at the end of a text; 0 if there is nothing.
func numberIn(text string) int {
	for _, prefix := range []string{"uid-", "-x"} {
		if at := len(text) - len(prefix) - digits; at >= 0 {
			if n, length := objectAfter(prefix, []byte(text[at:])); length > 0 {
				return n
			}
		}
	}
	return anUnknownOne
}
