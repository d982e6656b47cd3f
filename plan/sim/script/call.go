package script

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is a command as a verb's handler gets it.
type call struct {
	verb  string
	args  []string          // what is not a flag
	flags map[string]string // by their long name
	given []string          // the flags as "--name=value", in the order in which they stand
	input string            // the lines that stand below the command
}

// misuse is a command that is written wrongly. It fails the script wherever it stands: unlike an answer of
// the cluster, it can never be expected.
type misuse struct{ message string }

func (e misuse) Error() string { return e.message }

func wrong(format string, args ...any) error { return misuse{fmt.Sprintf(format, args...)} }

// parseCall takes the flags out of args. Each flag that is accepted is "long", "long/s" with a short form, or "long="
// and "long/s=" if a value follows. Behind "--" there are none.
func parseCall(verb string, args, accepted []string) (call, error) {
	c := call{verb: verb, flags: map[string]string{}}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			c.args = append(c.args, args[i:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' || isNumber(arg) {
			c.args = append(c.args, arg)
			continue
		}
		flag, value := findFlag(arg, accepted)
		switch {
		case flag.name == "":
			return c, wrong("unknown flag: %s", arg)
		case value != "":
		case !flag.valued:
			value = "true"
		default:
			if i++; i == len(args) {
				return c, wrong("flag needs an argument: %s", arg)
			}
			value = args[i]
		}
		c.flags[flag.name] = value
		c.given = append(c.given, "--"+flag.name+"="+value)
	}
	return c, nil
}

type flag struct {
	name   string
	valued bool
}

// findFlag reads "--long", "--long=value", "-s", "-s=value" and "-svalue".
func findFlag(arg string, accepted []string) (found flag, value string) {
	name, value, _ := strings.Cut(arg, "=")
	for _, text := range accepted {
		text, valued := strings.CutSuffix(text, "=")
		long, short, hasShort := strings.Cut(text, "/")
		switch {
		case name == "--"+long, hasShort && name == "-"+short:
			return flag{long, valued}, value
		case hasShort && valued && !strings.HasPrefix(arg, "--") && strings.HasPrefix(arg, "-"+short):
			return flag{long, valued}, arg[2:]
		}
	}
	return flag{}, ""
}

func isNumber(text string) bool {
	_, err := strconv.Atoi(text)
	return err == nil
}

// is reports whether a flag without a value is set.
func (c call) is(flag string) bool { return c.flags[flag] == "true" }

// next takes the first of the arguments, "" if there is none.
func (c *call) next() string {
	if len(c.args) == 0 {
		return ""
	}
	first := c.args[0]
	c.args = c.args[1:]
	return first
}

// accept takes the first argument if it is word.
func (c *call) accept(word string) bool {
	if len(c.args) == 0 || c.args[0] != word {
		return false
	}
	c.next()
	return true
}

// done refuses arguments that are left over.
func (c *call) done() error {
	if len(c.args) > 0 {
		return wrong("unexpected %q", strings.Join(c.args, " "))
	}
	return nil
}

// duration takes an argument such as 10s or 1h30m.
func (c *call) duration() (time.Duration, error) {
	text := c.next()
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, wrong("%q is not a duration, such as 10s or 1h30m", text)
	}
	return d, nil
}

// number takes an argument that counts something.
func (c *call) number() (int, error) {
	text := c.next()
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, wrong("%q is not a number", text)
	}
	return n, nil
}

// oneOf takes an argument that must be one of a few.
func (c *call) oneOf(known ...string) (string, error) {
	text := c.next()
	if !slices.Contains(known, text) {
		return "", wrong("%q is none of %s", text, strings.Join(known, ", "))
	}
	return text, nil
}
