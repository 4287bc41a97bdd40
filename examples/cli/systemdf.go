package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

var systemDfCommand = command{
	name: "system df", short: "Show the disk space that images, containers, volumes and builds take",
	setup: func(flags *pflag.FlagSet) action {
		verbose := flags.BoolP("verbose", "v", false, "list each image, container, volume and step of a build")
		how := format.Flag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			store, err := c.store()
			if err != nil {
				return err
			}
			u, err := store.DiskUsage(ctx)
			if err != nil {
				return err
			}
			if *verbose {
				return usageInDetail(c, u)
			}
			rows := []usageRow{
				usageOf("Images", u.Images), usageOf("Containers", u.Containers), usageOf("Local Volumes", u.Volumes), usageOf("Build Cache", u.BuildCache),
			}
			return format.Rows(c.out, how.Or(`table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}`), rows)
		}
	},
}

// usageRow has docker system df's names for --format.
type usageRow struct {
	Active, Reclaimable, Size string
	TotalCount                string `head:"TOTAL"`
	Type                      string
}

func usageOf[T any](kind string, u image.Usage[T]) usageRow {
	r := usageRow{
		Type: kind, TotalCount: strconv.Itoa(len(u.Items)), Active: strconv.Itoa(u.Active), Size: format.Size(u.Size), Reclaimable: format.Size(u.Reclaimable),
	}
	if u.Size > 0 {
		r.Reclaimable += fmt.Sprintf(" (%d%%)", u.Reclaimable*100/u.Size)
	}
	return r
}

// usageInDetail prints a table for each kind.
func usageInDetail(c *cli, u *image.DiskUsage) error {
	var images, containers, volumes, cache [][]string
	for _, i := range u.Images.Items {
		n := name{none, none, none}
		if len(i.Names) > 0 {
			n = familiar(i.Names[0])
		}
		images = append(images, []string{
			n.repository, n.tag, format.ShortID(i.ID), created(i.Created), format.Size(i.Size), format.Size(i.Shared), format.Size(i.Size - i.Shared), strconv.Itoa(i.Containers),
		})
	}
	for _, i := range u.Containers.Items {
		containers = append(containers, []string{format.ShortID(i.ID), i.Image, format.Size(i.Size), format.Ago(i.Created), i.Status, i.Name})
	}
	for _, i := range u.Volumes.Items {
		volumes = append(volumes, []string{i.Name, strconv.Itoa(i.Containers), format.Size(i.Size)})
	}
	for _, i := range u.BuildCache.Items {
		cache = append(cache, []string{format.ShortID(i.ID), format.Size(i.Size), created(i.Created), created(i.LastUsed), format.Ellipsis(i.CreatedBy, 60)})
	}
	for i, t := range []struct {
		title, header string
		rows          [][]string
	}{
		{"Images", "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE\tSHARED SIZE\tUNIQUE SIZE\tCONTAINERS", images},
		{"Containers", "CONTAINER ID\tIMAGE\tSIZE\tCREATED\tSTATUS\tNAMES", containers},
		{"Local Volumes", "VOLUME NAME\tLINKS\tSIZE", volumes},
		{"Build cache", "CACHE ID\tSIZE\tCREATED\tLAST USED\tCREATED BY", cache},
	} {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintf(c.out, "%s space usage:\n\n", t.title)
		if err := format.Table(c.out, t.header, t.rows); err != nil {
			return err
		}
	}
	return nil
}
