package timeline

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/internal/flock"
)

// ErrName is what a report can't be called.
var ErrName = errors.New("the name of a report ends in .html or .json")

// page is the beginning of the HTML file. Entries follow it, each in a script element of its own: so a file to which several
// processes add, any of which may be killed, is whole at any time.
//
//go:embed page.html
var page []byte

// Add adds an entry to the report in a file, and to the one beside it that has .json for .html. A report of another run is
// replaced.
//
// Errors: ErrName, and those of files.
func Add(file, run string, e Entry) error {
	base, html := strings.CutSuffix(file, ".html")
	if !html {
		if filepath.Ext(file) != ".json" {
			return fmt.Errorf("%s: %w", file, ErrName)
		}
		return addTo(file, func(f *os.File) error { return addJSON(f, run, e) })
	}
	data, err := json.Marshal(e) // which writes "<" as \u003c, so that it can't end the element
	if err != nil {
		return err
	}
	return addTo(file, func(f *os.File) error { // under whose lock the other one is, too
		head := fmt.Appendf(nil, "<!doctype html>\n<!-- run %s -->\n", run)
		old := make([]byte, len(head))
		_, err := f.ReadAt(old, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var add []byte
		if !bytes.Equal(old, head) {
			if err := f.Truncate(0); err != nil {
				return err
			}
			add = append(head, page...)
		}
		end, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		add = fmt.Appendf(add, "<script type=\"application/json\" class=\"entry\">%s</script>\n", data)
		if _, err := f.WriteAt(add, end); err != nil {
			return err
		}
		return addTo(base+".json", func(f *os.File) error { return addJSON(f, run, e) })
	})
}

// addTo calls add with the file, under its lock. Nobody holds it longer than a write takes.
func addTo(file string, add func(*os.File) error) (err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }() // which gives the lock up
	if err := flock.WaitFile(f, flock.Exclusive); err != nil {
		return err
	}
	return add(f)
}

// tail is how the JSON file ends.
const tail = "\n]}\n"

func addJSON(f *os.File, run string, e Entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	head := fmt.Appendf(nil, "{\"run\":%q,\"entries\":[\n", run)
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	old, end := make([]byte, len(head)), make([]byte, len(tail))
	_, err = f.ReadAt(old, 0)
	if err == nil {
		_, err = f.ReadAt(end, size-int64(len(tail)))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err == nil && bytes.Equal(old, head) && string(end) == tail {
		_, err = f.WriteAt(fmt.Appendf(nil, ",\n%s%s", data, tail), size-int64(len(tail)))
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(fmt.Appendf(head, "%s%s", data, tail), 0)
	return err
}

// Read returns the entries of a JSON file, in the order in which they were added.
func Read(file string) ([]Entry, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var report struct {
		Entries []Entry `json:"entries"`
	}
	if err := json.Unmarshal(b, &report); err != nil {
		return nil, fmt.Errorf("%s is not a report of fixtures: %w", file, err)
	}
	return report.Entries, nil
}
