package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var imagesCommand, imageLsCommand = listImages("images"), listImages("image ls")

func listImages(name string) command {
	return command{name: name, args: "[REPOSITORY[:TAG]]", short: "List images", max: 1, setup: imagesFlags}
}

func imagesFlags(flags *pflag.FlagSet) action {
	var o image.ListOptions
	filter := &imageFilter{list: &o}
	flags.BoolVarP(&o.All, "all", "a", false, "the intermediate images of builds too")
	imageFilterFlag(flags, "f", filter)
	quiet := flags.BoolP("quiet", "q", false, "print the ids alone")
	how := formatFlag(flags)
	return func(ctx context.Context, c *cli, args []string) error {
		o.References = append(o.References, args...)
		store, err := c.store()
		if err != nil {
			return err
		}
		list, err := store.List(ctx, o)
		if err != nil {
			return err
		}
		return show(c.out, *how, *quiet, filter.rows(imageRows(list)), listing[imageRow]{
			id: func(r imageRow) string { return r.ID }, header: "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE",
			cells: func(r imageRow) []string { return []string{r.Repository, r.Tag, r.ID, r.CreatedSince, r.Size} },
		})
	}
}

// imageRow has docker images' names for --format.
type imageRow struct {
	CreatedAt, CreatedSince, Digest, ID, Repository, Size, Tag string
}

// imageRows has a row for each name of an image, and one for an image without.
func imageRows(list []image.Image) []imageRow {
	var rows []imageRow
	for _, img := range list {
		row := imageRow{
			CreatedAt: img.Created.Local().Format("2006-01-02 15:04:05 -0700 MST"), CreatedSince: created(img.Created),
			Digest: none, ID: shortID(img.ID), Repository: none, Size: size(img.Size), Tag: none,
		}
		if len(img.Names) == 0 {
			rows = append(rows, row)
		}
		for _, full := range img.Names {
			n := familiar(full)
			row.Repository, row.Tag, row.Digest = n.repository, n.tag, n.digest
			rows = append(rows, row)
		}
	}
	return rows
}

// created is empty for images that are made without a time.
func created(t time.Time) string {
	if t.IsZero() {
		return "N/A"
	}
	return ago(t)
}
