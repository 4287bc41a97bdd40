// Package fstar writes file systems as tar streams: regular files, directories and symbolic links. Sockets, pipes and
// devices it leaves out. It knows files by package io/fs only; trees that nobody vouches for are written by the agent's
// package pack, which follows no link.
package fstar

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// Edit changes the header of a file before it is written. An error ends the writing.
type Edit func(h *tar.Header, info fs.FileInfo) error

// Tree writes root and all below it, in lexical order, under prefix. The root "." without a prefix has no name and is left
// out. edit may be nil.
func Tree(tw *tar.Writer, fsys fs.FS, root, prefix string, edit Edit) error {
	return fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		as := path.Join(prefix, name)
		if as == "." {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return File(tw, fsys, name, as, info, edit)
	})
}

// File writes one file of fsys, whose info is given, with the name as. A link is written as a link.
func File(tw *tar.Writer, fsys fs.FS, name, as string, info fs.FileInfo, edit Edit) error {
	h := header(as, info)
	if h == nil {
		return nil
	}
	if h.Typeflag == tar.TypeSymlink {
		var err error
		if h.Linkname, err = fs.ReadLink(fsys, name); err != nil {
			return err
		}
	}
	if edit != nil {
		if err := edit(h, info); err != nil {
			return err
		}
	}
	if err := tw.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(tw, f, h.Size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: it became shorter while it was copied", name)
	}
	return err
}

// header returns nil for what is left out. It does not use tar.FileInfoHeader, which looks users up.
func header(name string, info fs.FileInfo) *tar.Header {
	h := &tar.Header{Name: name, Mode: Mode(info.Mode()), ModTime: info.ModTime(), Format: tar.FormatPAX}
	switch info.Mode().Type() {
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
	case fs.ModeDir:
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
	default:
		return nil
	}
	return h
}

// Mode is a file's mode in tar's bits.
func Mode(m fs.FileMode) int64 {
	n := int64(m.Perm())
	for bit, v := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			n |= v
		}
	}
	return n
}
