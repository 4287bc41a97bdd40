package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

const (
	imagesTable  = `table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`
	digestsTable = `table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`
)

var imagesCommand = command{
	name: "images", args: "[REPOSITORY[:TAG]]", short: "List images", max: 1,
	example: "images --filter dangling=true -q\nimages --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
	setup: func(flags *pflag.FlagSet) action {
		all := flags.BoolP("all", "a", false, "show the intermediate images of builds too")
		where := format.FilterFlag(flags, "dangling", "label", "label!", "until", "reference", "before", "since")
		quiet := flags.BoolP("quiet", "q", false, "print only the ids")
		whole := flags.Bool("no-trunc", false, "don't shorten ids")
		digests := flags.Bool("digests", false, "show the digests by which registries know the images, too")
		how := format.Flag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			o := image.ListOptions{
				All: *all, References: append(where.Values("reference"), args...), Before: where.Last("before"), Since: where.Last("since"),
			}
			if err := imageFilter(&o.Filter, where); err != nil {
				return err
			}
			o.Dangling, _ = where.Bool("dangling")
			store, err := c.store()
			if err != nil {
				return err
			}
			list, err := store.List(ctx, o)
			if err != nil {
				return err
			}
			table := imagesTable
			switch {
			case *quiet && (*how == "" || how.IsTable()):
				table, *how = "{{.ID}}", ""
			case *digests:
				table = digestsTable
			}
			return format.Rows(c.out, how.Or(table), fitting(imageRows(list, *whole), where, o.References))
		}
	},
}

// imageFilter is what the filters of images and image prune have in common.
func imageFilter(f *image.Filter, where *format.Filters) (err error) {
	if err := where.Check(); err != nil {
		return err
	}
	f.Labels, f.NotLabels = format.LabelsOf(where.Values("label")), format.LabelsOf(where.Values("label!"))
	f.Until, err = where.Until(time.Now())
	return err
}

// fitting leaves of a list's rows those of names that fit: an image may have others.
func fitting(rows []imageRow, where *format.Filters, references []string) []imageRow {
	dangling, given := where.Bool("dangling")
	return slices.DeleteFunc(rows, func(r imageRow) bool {
		return given && !dangling && r.Repository == none || len(references) > 0 && !fits(r, references)
	})
}

// imageRow has docker images' names for --format.
type imageRow struct {
	Containers              string
	CreatedAt               string
	CreatedSince            string `head:"CREATED"`
	Digest                  string
	ID                      string `head:"IMAGE ID"`
	Repository              string
	SharedSize, Size        string
	Tag                     string
	UniqueSize, VirtualSize string
}

// imageRows has a row for each name of an image, one for a repository that it is of by digest alone, and one for an
// image without either.
func imageRows(list []image.Image, whole bool) []imageRow {
	var rows []imageRow
	for _, img := range list {
		row := imageRow{
			CreatedAt: format.Date(img.Created), CreatedSince: created(img.Created), Digest: none, ID: img.ID, Repository: none, Tag: none,
			Size: format.Size(img.Size), VirtualSize: format.Size(img.Size), Containers: "N/A", SharedSize: "N/A", UniqueSize: "N/A",
		}
		if !whole {
			row.ID = format.ShortID(img.ID)
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
	return format.Ago(t)
}
