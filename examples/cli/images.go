package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
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
	flags.BoolVarP(&o.All, "all", "a", false, "show the intermediate images of builds too")
	imageFilterFlag(flags, "f", filter)
	quiet := flags.BoolP("quiet", "q", false, "print only the ids")
	whole := flags.Bool("no-trunc", false, "don't shorten ids")
	digests := flags.Bool("digests", false, "show the digests by which registries know the images, too")
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
		as := listing[imageRow]{
			id: func(r imageRow) string { return r.ID }, header: "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE",
			cells: func(r imageRow) []string { return []string{r.Repository, r.Tag, r.ID, r.CreatedSince, r.Size} },
		}
		if *digests {
			as.header = "REPOSITORY\tTAG\tDIGEST\tIMAGE ID\tCREATED\tSIZE"
			as.cells = func(r imageRow) []string {
				return []string{r.Repository, r.Tag, r.Digest, r.ID, r.CreatedSince, r.Size}
			}
		}
		return show(c.out, *how, *quiet, filter.rows(imageRows(list, *whole)), as)
	}
}

// imageRow has docker images' names for --format.
type imageRow struct {
	CreatedAt, CreatedSince, Digest, ID, Repository, Size, Tag string
}

// imageRows has a row for each name of an image, one for a repository that it is of by digest alone, and one for an
// image without either.
func imageRows(list []image.Image, whole bool) []imageRow {
	var rows []imageRow
	for _, img := range list {
		row := imageRow{
			CreatedAt: img.Created.Local().Format("2006-01-02 15:04:05 -0700 MST"), CreatedSince: created(img.Created),
			Digest: none, ID: img.ID, Repository: none, Size: size(img.Size), Tag: none,
		}
		if !whole {
			row.ID = shortID(img.ID)
		}
		digests := map[string]string{} // by repository
		for _, full := range img.Digests {
			n := familiar(full)
			digests[n.repository] = n.digest
		}
		named := map[string]bool{}
		for _, full := range img.Names {
			n := familiar(full)
			named[n.repository] = true
			row.Repository, row.Tag, row.Digest = n.repository, n.tag, cmp.Or(digests[n.repository], none)
			rows = append(rows, row)
		}
		for _, repo := range slices.Sorted(maps.Keys(digests)) {
			if !named[repo] {
				row.Repository, row.Tag, row.Digest = repo, none, digests[repo]
				rows = append(rows, row)
			}
		}
		if len(img.Names)+len(digests) == 0 {
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
