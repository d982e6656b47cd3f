package job

import (
	"slices"
	"strconv"
	"strings"
)

// span is the indexes from first to last, both included.
type span struct{ first, last int }

// indexSet is a set of completion indexes as spans: ascending, without overlap, and with a gap between any two. It is
// what a Job's status writes as "1-5,7". Its cost is that of its spans, however many indexes they hold.
type indexSet []span

// parseIndexes reads the indexes below limit from text. Parts that are not an index or an interval are left out.
func parseIndexes(text string, limit int) indexSet {
	var spans []span
	for text != "" {
		var part string
		part, text, _ = strings.Cut(text, ",")
		from, to, isInterval := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && isInterval {
			last, err = strconv.Atoi(to)
		}
		if last = min(last, limit-1); err == nil && first <= last {
			spans = append(spans, span{first, last})
		}
	}
	return joined(spans)
}

// indexesOf is the set of the given indexes, which are put in order.
func indexesOf(indexes []int) indexSet {
	slices.Sort(indexes)
	var s indexSet
	for _, i := range indexes {
		s = s.with(span{i, i})
	}
	return s
}

// joined makes a set of spans in any order.
func joined(spans []span) indexSet {
	byFirst := func(a, b span) int { return a.first - b.first }
	if !slices.IsSortedFunc(spans, byFirst) {
		slices.SortFunc(spans, byFirst)
	}
	s := make(indexSet, 0, len(spans))
	for _, part := range spans {
		s = s.with(part)
	}
	return s
}

// with adds a span that begins at or behind the first of the last span.
func (s indexSet) with(part span) indexSet {
	if end := len(s) - 1; end >= 0 && part.first <= s[end].last+1 {
		s[end].last = max(s[end].last, part.last)
		return s
	}
	return append(s, part)
}

func (s indexSet) union(t indexSet) indexSet {
	if len(t) == 0 {
		return s
	}
	both := make(indexSet, 0, len(s)+len(t))
	for len(s) > 0 && len(t) > 0 {
		if s[0].first <= t[0].first {
			both, s = both.with(s[0]), s[1:]
		} else {
			both, t = both.with(t[0]), t[1:]
		}
	}
	for _, part := range append(s[:len(s):len(s)], t...) { // one of them is empty
		both = both.with(part)
	}
	return both
}

func (s indexSet) minus(t indexSet) indexSet {
	var rest indexSet
	for _, part := range s {
		for ; len(t) > 0 && t[0].last < part.first; t = t[1:] {
		}
		for _, cut := range t {
			if cut.first > part.last {
				break
			}
			if part.first < cut.first {
				rest = append(rest, span{part.first, cut.first - 1})
			}
			part.first = cut.last + 1
		}
		if part.first <= part.last {
			rest = append(rest, part)
		}
	}
	return rest
}

// size is the number of indexes in the set.
func (s indexSet) size() int {
	size := 0
	for _, part := range s {
		size += part.last - part.first + 1
	}
	return size
}

// common is the number of indexes that are in both sets.
func (s indexSet) common(t indexSet) int {
	size := 0
	for len(s) > 0 && len(t) > 0 {
		size += max(0, min(s[0].last, t[0].last)-max(s[0].first, t[0].first)+1)
		if s[0].last <= t[0].last {
			s = s[1:]
		} else {
			t = t[1:]
		}
	}
	return size
}

func (s indexSet) has(index int) bool {
	at, _ := slices.BinarySearchFunc(s, index, func(part span, index int) int { return part.last - index })
	return at < len(s) && s[at].first <= index
}

// missing gives the lowest count indexes below limit that are not in the set.
func (s indexSet) missing(count, limit int) []int {
	var free []int
	next := 0
	for _, taken := range append(s[:len(s):len(s)], span{limit, limit}) {
		for ; next < min(taken.first, limit) && len(free) < count; next++ {
			free = append(free, next)
		}
		next = max(next, taken.last+1)
	}
	return free
}

// String writes the set as a Job's status does: "1-5,7", and two neighbours as "1,2".
func (s indexSet) String() string {
	var text []byte
	for _, part := range s {
		if len(text) > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(part.first), 10)
		switch {
		case part.last == part.first+1:
			text = append(text, ',')
		case part.last > part.first:
			text = append(text, '-')
		default:
			continue
		}
		text = strconv.AppendInt(text, int64(part.last), 10)
	}
	return string(text)
}
