package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var systemDfCommand = command{
	name: "system df", short: "Show the disk space that images, containers, volumes and builds take",
	setup: func(flags *pflag.FlagSet) action {
		verbose := flags.BoolP("verbose", "v", false, "list each image, container, volume and step of a build")
		how := formatFlag(flags)
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
			return show(c.out, *how, false, rows, listing[usageRow]{
				header: "TYPE\tTOTAL\tACTIVE\tSIZE\tRECLAIMABLE",
				cells:  func(r usageRow) []string { return []string{r.Type, r.TotalCount, r.Active, r.Size, r.Reclaimable} },
			})
		}
	},
}

// usageRow has docker system df's names for --format.
type usageRow struct {
	Active, Reclaimable, Size, TotalCount, Type string
}

func usageOf[T any](kind string, u image.Usage[T]) usageRow {
	r := usageRow{
		Type: kind, TotalCount: strconv.Itoa(len(u.Items)), Active: strconv.Itoa(u.Active), Size: size(u.Size), Reclaimable: size(u.Reclaimable),
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
			n.repository, n.tag, shortID(i.ID), created(i.Created), size(i.Size), size(i.Shared), size(i.Size - i.Shared), strconv.Itoa(i.Containers),
		})
	}
	for _, i := range u.Containers.Items {
		containers = append(containers, []string{shortID(i.ID), i.Image, size(i.Size), ago(i.Created), i.Status, i.Name})
	}
	for _, i := range u.Volumes.Items {
		volumes = append(volumes, []string{i.Name, strconv.Itoa(i.Containers), size(i.Size)})
	}
	for _, i := range u.BuildCache.Items {
		cache = append(cache, []string{shortID(i.ID), size(i.Size), created(i.Created), ellipsis(i.CreatedBy, 60)})
	}
	for i, t := range []struct {
		title, header string
		rows          [][]string
	}{
		{"Images", "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE\tSHARED SIZE\tUNIQUE SIZE\tCONTAINERS", images},
		{"Containers", "CONTAINER ID\tIMAGE\tSIZE\tCREATED\tSTATUS\tNAMES", containers},
		{"Local Volumes", "VOLUME NAME\tLINKS\tSIZE", volumes},
		{"Build cache", "CACHE ID\tSIZE\tCREATED\tCREATED BY", cache},
	} {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintf(c.out, "%s space usage:\n\n", t.title)
		if err := table(c.out, t.header, t.rows); err != nil {
			return err
		}
	}
	return nil
}
