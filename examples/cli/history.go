package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

var historyCommand = command{
	name: "history", args: "IMAGE", short: "Show the steps that made an image", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		var o historyOptions
		flags.BoolVarP(&o.human, "human", "H", true, "readable sizes and times; =false: bytes and RFC 3339")
		flags.BoolVar(&o.whole, "no-trunc", false, "don't shorten long values")
		quiet := flags.BoolP("quiet", "q", false, "print only the ids")
		how := format.Flag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			store, err := c.store()
			if err != nil {
				return err
			}
			img, err := store.Get(ctx, args[0])
			if err != nil {
				return err
			}
			steps, err := store.History(ctx, img.ID)
			if err != nil {
				return err
			}
			table := `table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`
			switch {
			case *quiet && (*how == "" || how.IsTable()):
				table, *how = "{{.ID}}", ""
			case !o.human:
				table = strings.Replace(table, "CreatedSince", "CreatedAt", 1)
			}
			return format.Rows(c.out, how.Or(table), o.rows(img.ID, steps))
		}
	},
}

type historyOptions struct{ human, whole bool }

// historyRow has docker history's names for --format.
type historyRow struct {
	Comment, CreatedAt, CreatedBy string
	CreatedSince                  string `head:"CREATED"`
	ID                            string `head:"IMAGE"`
	Size                          string
}

// rows has the image's id at its last step. Those before it are not images here.
func (o historyOptions) rows(id string, steps []image.Step) []historyRow {
	if !o.whole {
		id = format.ShortID(id)
	}
	var rows []historyRow
	for _, s := range steps {
		row := historyRow{
			Comment: s.Comment, CreatedAt: s.Created.Local().Format(time.RFC3339), CreatedBy: strings.ReplaceAll(s.CreatedBy, "\t", " "),
			CreatedSince: created(s.Created), ID: id, Size: format.Size(s.Size),
		}
		if !o.whole {
			row.CreatedBy = format.Ellipsis(row.CreatedBy, 45)
		}
		if !o.human {
			row.Size = strconv.FormatInt(s.Size, 10)
		}
		rows = append(rows, row)
		id = "<missing>"
	}
	return rows
}
