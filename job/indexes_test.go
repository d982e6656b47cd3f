package job

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestParseIndexes(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		limit      int
		want       string
	}{
		{"none", "", 10, ""},
		{"one", "7", 10, "7"},
		{"an interval and one", "1-5,7", 10, "1-5,7"},
		{"neighbours are written one by one", "3-4", 10, "3,4"},
		{"what touches is joined", "1,2,3", 10, "1-3"},
		{"those at or over the limit are left out", "1-5,7", 3, "1,2"},
		{"all at or over the limit", "3-5", 3, ""},
		{"an order that nobody writes", "7,1-3,2-5", 10, "1-5,7"},
		{"parts that are not indexes are left out", "x,1,,2-y,-3,5-4,6", 10, "1,6"},
		{"not expanded", "0-2000000000", 1 << 31, "0-2000000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := parseIndexes(tt.text, tt.limit).String(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// The arithmetic agrees with that of plain sets of numbers.
func TestIndexArithmetic(t *testing.T) {
	const limit = 24
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		a, b := draw(random, limit), draw(random, limit)
		s, u := indexesOf(slices.Clone(a)), indexesOf(slices.Clone(b))
		in := func(list []int, i int) bool { return slices.Contains(list, i) }
		check := func(name string, got indexSet, want func(i int) bool) {
			size := 0
			for i := range limit {
				if got.has(i) != want(i) {
					t.Fatalf("%s of %v and %v is %v: %d is wrong", name, s, u, got, i)
				}
				if want(i) {
					size++
				}
			}
			if got.size() != size {
				t.Fatalf("%s of %v and %v is %v, of size %d", name, s, u, got, got.size())
			}
			if back := parseIndexes(got.String(), limit); !slices.Equal(back, got) {
				t.Fatalf("%s of %v and %v is %v, and read back %v", name, s, u, got, back)
			}
		}
		check("the first", s, func(i int) bool { return in(a, i) })
		check("the union", s.union(u), func(i int) bool { return in(a, i) || in(b, i) })
		check("the difference", s.minus(u), func(i int) bool { return in(a, i) && !in(b, i) })

		common := 0
		var missing []int
		for i := range limit {
			if in(a, i) && in(b, i) {
				common++
			}
			if !in(a, i) && len(missing) < 5 {
				missing = append(missing, i)
			}
		}
		if got := s.common(u); got != common {
			t.Fatalf("%v and %v have %d in common, want %d", s, u, got, common)
		}
		if got := s.missing(5, limit); !slices.Equal(got, missing) {
			t.Fatalf("missing in %v: %v, want %v", s, got, missing)
		}
	}
}

func draw(random *rand.Rand, limit int) []int {
	var list []int
	for i := range limit {
		if random.IntN(3) > 0 {
			list = append(list, i)
		}
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}
