package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// stdinName is how an error names standard input.
const stdinName = "standard input"

// open gives the files with the names that errors use, and standard input where there is none.
func (o options) open(stdin io.Reader, read func(name string, r io.Reader) error) (invalid []error) {
	files := o.files
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, file := range files {
		if err := openFile(file, stdin, read); err != nil {
			invalid = append(invalid, err)
		}
	}
	return invalid
}

func openFile(file string, stdin io.Reader, read func(name string, r io.Reader) error) error {
	if file == "-" {
		return read(stdinName, stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, plainly(err))
	}
	defer f.Close()
	return read(file, f)
}

// plainly takes the file's name, which errors here begin with anyway, out of an error of the file system.
func plainly(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
