//go:build linux

package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// entry is a file of a tree: NAME[/] [MODE] [UID:GID] [@MTIME] [NAME=XATTR …] [-> LINK | => HARD LINK | = CONTENT]. What is
// left out is usual: 0755 for a directory, 0644 for a file, 0:0, a time after the tests began, no content.
type entry struct {
	header tar.Header
	text   string
}

// line is an entry as the cases write it.
func (e entry) line(began time.Time) string {
	h := e.header
	words := []string{strings.TrimSuffix(h.Name, "/")}
	if strings.ContainsAny(h.Name, " \n") {
		words[0] = strconv.Quote(words[0])
	}
	usual := int64(0o644)
	switch h.Typeflag {
	case tar.TypeDir:
		words[0], usual = words[0]+"/", 0o755
	case tar.TypeSymlink, tar.TypeLink:
		usual = h.Mode
	case tar.TypeFifo:
		words[0] += " fifo"
	case tar.TypeChar:
		words[0] += fmt.Sprintf(" char %d,%d", h.Devmajor, h.Devminor)
	case tar.TypeBlock:
		words[0] += fmt.Sprintf(" block %d,%d", h.Devmajor, h.Devminor)
	}
	if h.Mode != usual {
		words = append(words, fmt.Sprintf("0%03o", h.Mode))
	}
	if (h.Uid != 0 || h.Gid != 0) && h.Typeflag != tar.TypeLink {
		words = append(words, fmt.Sprintf("%d:%d", h.Uid, h.Gid))
	}
	if h.ModTime.Before(began) && h.Typeflag != tar.TypeLink {
		words = append(words, fmt.Sprintf("@%d", h.ModTime.Unix()))
	}
	for _, k := range sortedKeys(h.PAXRecords) {
		if name, ok := strings.CutPrefix(k, "SCHILY.xattr."); ok && h.Typeflag != tar.TypeLink {
			words = append(words, fmt.Sprintf("%s=%x", name, h.PAXRecords[k]))
		}
	}
	switch {
	case h.Typeflag == tar.TypeSymlink:
		words = append(words, "->", h.Linkname)
	case h.Typeflag == tar.TypeLink:
		words = append(words, "=>", h.Linkname)
	case !utf8.ValidString(e.text):
		words = append(words, "= binary")
	case len(e.text) > 200:
		words = append(words, fmt.Sprintf("= %d bytes", len(e.text)))
	case e.text != "" && (strconv.Quote(e.text) != `"`+e.text+`"` || strings.TrimSpace(e.text) != e.text):
		words = append(words, "=", strconv.Quote(e.text))
	case e.text != "":
		words = append(words, "=", e.text)
	}
	return strings.Join(words, " ")
}

func sortedKeys(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// readTree reads a tar stream into lines, by name.
func readTree(r io.Reader, began time.Time) (map[string]string, error) {
	lines := map[string]string{}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			return nil, err
		}
		lines[strings.TrimSuffix(h.Name, "/")] = entry{*h, string(b)}.line(began)
	}
}

// parseEntry reads a line of a case's archive.
func parseEntry(line string) (entry, error) {
	var e entry
	head, text, _ := strings.Cut(line, " = ")
	words := strings.Fields(head)
	h := &e.header
	h.Name, h.Typeflag, h.Mode, h.ModTime = words[0], tar.TypeReg, 0o644, time.Now()
	if strings.HasSuffix(h.Name, "/") {
		h.Typeflag, h.Mode = tar.TypeDir, 0o755
	}
	for i, w := range words[1:] {
		switch {
		case w == "->" || w == "=>":
			h.Typeflag, h.Linkname = tar.TypeSymlink, words[i+2]
			if w == "=>" {
				h.Typeflag = tar.TypeLink
			}
			return e, nil
		case w == "fifo":
			h.Typeflag = tar.TypeFifo
		case w[0] == '@':
			sec, err := strconv.ParseInt(w[1:], 10, 64)
			if err != nil {
				return e, err
			}
			h.ModTime = time.Unix(sec, 0)
		case strings.Contains(w, "="):
			name, value, _ := strings.Cut(w, "=")
			b, err := hex.DecodeString(value)
			if err != nil {
				return e, err
			}
			h.PAXRecords = map[string]string{"SCHILY.xattr." + name: string(b)}
		case strings.Contains(w, ":"):
			if _, err := fmt.Sscanf(w, "%d:%d", &h.Uid, &h.Gid); err != nil {
				return e, err
			}
		default:
			mode, err := strconv.ParseInt(w, 8, 64)
			if err != nil {
				return e, fmt.Errorf("%q: %w", line, err)
			}
			h.Mode = mode
		}
	}
	if strings.HasPrefix(text, `"`) {
		var err error
		if text, err = strconv.Unquote(text); err != nil {
			return e, err
		}
	}
	e.text, h.Size = text, int64(len(text))
	return e, nil
}

// packed makes a tar stream of lines, packed as its kind says: tar, tar.gz or tar.zst.
func packed(kind, text string) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser = nopCloser{&out}
	switch kind {
	case "tar.gz":
		w = gzip.NewWriter(&out)
	case "tar.zst":
		z, err := zstd.NewWriter(&out)
		if err != nil {
			return nil, err
		}
		w = z
	}
	tw := tar.NewWriter(w)
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		e, err := parseEntry(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, err
		}
		if err := tw.WriteHeader(&e.header); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(tw, e.text); err != nil {
			return nil, err
		}
	}
	err := errors.Join(tw.Close(), w.Close())
	return out.Bytes(), err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// content is what a file of a case holds.
func (s *section) content() ([]byte, error) {
	for _, w := range s.words[1:] {
		switch w {
		case "tar", "tar.gz", "tar.zst":
			return packed(w, s.text)
		case "base64":
			return base64.StdEncoding.DecodeString(strings.ReplaceAll(s.text, "\n", ""))
		case "quoted":
			text, err := strconv.Unquote(strings.TrimSpace(s.text))
			return []byte(text), err
		}
	}
	return []byte(strings.TrimSuffix(s.text, "\n")), nil
}

// write makes the file of a section in dir.
func (s *section) write(dir string) error {
	name := s.words[0]
	if strings.HasPrefix(name, `"`) {
		var err error
		if name, err = strconv.Unquote(name); err != nil {
			return err
		}
	}
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode, times := uint32(0o644), time.Time{}
	if strings.HasSuffix(s.words[0], "/") {
		mode = 0o755
	}
	make := func() error {
		b, err := s.content()
		if err != nil {
			return err
		}
		return os.WriteFile(path, b, 0o600)
	}
	if strings.HasSuffix(s.words[0], "/") {
		make = func() error { return os.MkdirAll(path, 0o755) }
	}
	for i, w := range s.words {
		switch {
		case w == "->":
			return os.Symlink(s.words[i+1], path)
		case w == "=>":
			return os.Link(filepath.Join(dir, s.words[i+1]), path)
		case w == "fifo":
			make = func() error { return unix.Mkfifo(path, 0o644) }
		case w == "socket":
			make = func() error { return unix.Mknod(path, unix.S_IFSOCK|0o644, 0) }
		case i > 0 && w[0] == '@':
			sec, err := strconv.ParseInt(w[1:], 10, 64)
			if err != nil {
				return err
			}
			times = time.Unix(sec, 0)
		case i > 0 && w[0] == '0':
			m, err := strconv.ParseUint(w, 8, 32)
			if err != nil {
				return err
			}
			mode = uint32(m)
		}
	}
	if err := make(); err != nil {
		return err
	}
	if err := unix.Chmod(path, mode); err != nil {
		return err
	}
	if times.IsZero() {
		return nil
	}
	return os.Chtimes(path, times, times)
}
