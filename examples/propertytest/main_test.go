package propertytest_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain makes the normal run the same every time. A search of its own asks for another seed: -rapid.seed=0 draws one.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}
